/** The way in: log in, make an account, or come back. */

export class Gate {
  #actions;
  #parts;
  #busy = false;
  /** Seconds until another try is worth it. */
  #pause = 0;
  #tick = 0;

  /**
   * @param {Document} page
   * @param {object} actions each resolves to null, or to what went wrong
   * @param {(name: string, password: string) =>
   *   Promise<import("./api.js").Problem | null>} actions.logIn
   * @param {(name: string, password: string) =>
   *   Promise<import("./api.js").Problem | null>} actions.register
   * @param {() => void} actions.again
   */
  constructor(page, actions) {
    this.#actions = actions;
    const part = (id) => page.getElementById(id);
    this.#parts = {
      gate: part("gate"),
      form: part("login-form"),
      name: part("name"),
      password: part("password"),
      logIn: part("login"),
      register: part("register"),
      problem: part("problem"),
      word: part("gate-word"),
      again: part("again"),
    };
    const { form, register, again, password } = this.#parts;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      password.autocomplete = "current-password";
      this.#submit(actions.logIn);
    });
    register.addEventListener("click", () => {
      // So that a password manager offers to keep it.
      password.autocomplete = "new-password";
      this.#submit(actions.register);
    });
    again.addEventListener("click", () => actions.again());
  }

  /**
   * Open the gate.
   *
   * @param {object} [why]
   * @param {string} [why.word] a sentence above the form
   * @param {string} [why.name] whom to expect
   * @param {string} [why.again] the label of the button that comes back without logging in
   */
  open({ word = "", name = "", again = "" } = {}) {
    const parts = this.#parts;
    parts.gate.hidden = false;
    parts.word.textContent = word;
    parts.word.hidden = word === "";
    parts.again.textContent = again;
    parts.again.hidden = again === "";
    parts.name.value ||= name;
    this.#tell("");
    if (again !== "") parts.again.focus();
    else if (parts.name.value === "") parts.name.focus();
    else parts.password.focus();
  }

  close() {
    this.#parts.gate.hidden = true;
    this.#parts.password.value = "";
    this.#pause = 0;
  }

  async #submit(action) {
    const { name, password } = this.#parts;
    if (this.#busy || this.#pause > 0) return;
    const missing = [name, password].find((field) => field.value === "");
    if (missing) {
      this.#tell(missing === name ? "Please give a name." : "Please give a password.", missing);
      return;
    }
    this.#setBusy(true);
    this.#tell("");
    const problem = await action(name.value.trim(), password.value);
    this.#setBusy(false);
    if (problem === null) return;
    if (problem.retryAfter !== null && problem.retryAfter > 0) {
      this.#tell(`${problem.message} Please wait ${inWords(problem.retryAfter)}.`);
      this.#pauseFor(problem.retryAfter);
      return;
    }
    const wrong = { unauthorised: password, taken: name, invalid: name }[problem.kind];
    this.#tell(problem.message, wrong);
  }

  #setBusy(busy) {
    this.#busy = busy;
    this.#parts.form.setAttribute("aria-busy", String(busy));
    this.#label();
  }

  /** Count down on the button; the sentence stands still, so that it is read out once. */
  #pauseFor(seconds) {
    clearInterval(this.#tick);
    this.#pause = Math.ceil(seconds);
    this.#label();
    this.#tick = setInterval(() => {
      this.#pause = Math.max(0, this.#pause - 1);
      if (this.#pause === 0) {
        clearInterval(this.#tick);
        this.#tell("");
      }
      this.#label();
    }, 1000);
  }

  #label() {
    const { logIn, register } = this.#parts;
    const idle = !this.#busy && this.#pause === 0;
    logIn.textContent = this.#pause > 0 ? `Log in (${this.#pause})` : "Log in";
    // Not `disabled`: that would throw the focus away.
    for (const button of [logIn, register]) button.setAttribute("aria-disabled", String(!idle));
  }

  #tell(sentence, field = null) {
    const { problem, name, password } = this.#parts;
    problem.textContent = sentence;
    for (const each of [name, password]) {
      each.setAttribute("aria-invalid", String(each === field));
    }
    field?.focus();
    field?.select();
  }
}

function inWords(seconds) {
  const whole = Math.ceil(seconds);
  if (whole < 90) return whole === 1 ? "a second" : `${whole} seconds`;
  return `${Math.ceil(whole / 60)} minutes`;
}
