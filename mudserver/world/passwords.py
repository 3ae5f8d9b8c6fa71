"""Passwords that everybody tries first."""

from typing import Final

_WORDS: Final = """
12345678 123456789 1234567890 12345678910 0123456789 01234567 87654321 987654321 0987654321
9876543210 123123123 12341234 11223344 1122334455 112233445566 123454321 12344321 1234554321
123321123 12312312 123456123 123456123456 147258369 147852369 159357456 741852963 789456123
159753456 102030405060 10203040 11112222 111222333 22223333 11235813 31415926 314159265 27182818
13579246 24681012 19283746 20202020 10101010 12121212 123abc123 1234abcd 12345abc 123456abc
12345678a 123456789a a12345678 a123456789 aa123456 aa12345678 abc12345 abc123456 abc1234567
abcd1234 abcd12345 abcdefgh abcdefghi abcdefghij abcabcabc abcdabcd abcdef123 a1b2c3d4 a1b2c3d4e5
1a2b3c4d 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc 1qazxsw2 qazwsxedc qazwsx123
qazxswedc zaq12wsx zaq1zaq1 zaq1xsw2 q1w2e3r4 q1w2e3r4t5 qwertyui qwertyuiop qwerty12 qwerty123
qwerty1234 qwerty12345 qwerty123456 qwerty321 qwertyqwerty qweasdzxc qwe123qwe qweqweqwe qwer1234
asdf1234 asdfasdf asdfghjk asdfghjkl asdfqwer asdasdasd asd123asd zxcvbnm1 zxcvbnm123 zxcvzxcv
zxcasdqwe poiuytrewq lkjhgfdsa mnbvcxz1 azertyui azertyuiop azerty123 qwertz123 password passwords
password0 password1 password2 password3 password7 password9 password01 password10 password11
password12 password21 password99 password123 password1234 password12345 password! password1!
password123! passw0rd passw0rd1 p@ssword p@ssw0rd p@ssword1 p@ssw0rd1 pa$$word pa55word pass1234
pass12345 pass123456 passpass passport passcode drowssap mypassword mypassword1 newpassword
thepassword nopassword secret123 secretpassword topsecret letmein1 letmein123 letmeinnow welcome1
welcome01 welcome12 welcome123 welcome1234 welcome! changeme changeme1 changeme123 changeit
default1 temp1234 test1234 test12345 testtest testing1 testing123 tester123 admin123 admin1234
admin12345 admin123456 adminadmin administrator root1234 rootroot user1234 useruser guest123
login123 master123 superuser superman superman1 spiderman spiderman1 batman123 ironman1 wolverine
starwars starwars1 startrek skywalker darthvader matrix123 iloveyou iloveyou1 iloveyou2 iloveyou12
iloveyou123 iloveyou! ilovegod iloveme1 ilovemyself loveyou1 loveyou123 lovelove loveme123
mylove123 lovely123 sunshine sunshine1 sunflower princess princess1 princess12 princess123
football football1 football12 baseball baseball1 basketball basketball1 softball hockey123
soccer123 swimming skateboard liverpool liverpool1 manchester manutd123 chelsea1 chelsea123
arsenal1 arsenal123 barcelona realmadrid juventus michael1 michelle michelle1 jennifer jennifer1
jessica1 charlie1 charlie123 christian christopher nicholas alexander alexandra benjamin elizabeth
stephanie victoria samantha danielle jonathan jordan23 anthony1 andrew123 daniel123 dragon123
dragon12 dragons1 monkey123 monkey12 shadow123 shadow12 computer computer1 internet internet1
samsung1 samsung123 whatever whatever1 trustno1 freedom1 freedom123 blink182 butterfly butterfly1
chocolate chocolate1 cheesecake strawberry blueberry pineapple watermelon elephant dolphin1
dolphins tinkerbell pokemon1 pokemon123 pikachu1 minecraft minecraft1 fortnite roblox123 nintendo
playstation counterstrike warcraft worldofwarcraft asdf123456 fuckyou1 fuckyou2 fuckyou123
fuckoff1 bullshit asshole1 metallica slipknot nirvana1 greenday eminem123 beautiful forever1
foreverlove friends1 bestfriend family123 mother123 mustang1 corvette ferrari1 porsche1 mercedes
yamaha123 harley123 cowboys1 steelers yankees1 lakers24 rainbow1 snowball cookie123 peanut123
ginger123 pepper123 summer123 summer2024 summer2025 winter123 winter2024 spring2024 autumn123
january1 february november december september midnight midnight1 hello123 hello1234 hellohello
helloworld goodbye1 money123 hunter123 hunter22 killer123 ranger123 thunder1 tigger123 maverick
correcthorsebatterystaple
"""

#: Case-folded, those of eight characters or more: shorter ones are refused anyway.
COMMON_PASSWORDS: Final = frozenset(_WORDS.split())
