"""English. How to read these tables: see `toolkit/tasks/micro/grammar.py`."""

TEXT = """
at = {x} is/AUX {p} .
do = {x} is/AUX {v} .
do_at = {x} is/AUX {v} {p} .
eat = {x} is/AUX eating/VERB {f} .
eat_at = {x} is/AUX eating/VERB {f} {p} .
drink = {x} is/AUX drinking/VERB {d} .
drink_at = {x} is/AUX drinking/VERB {d} {p} .
have = {x} has/VERB {a.one} .
count = {x} has/VERB {n} {a} .
none = {x} has/VERB no/DET animals/NOUN .
own = {x} has/VERB a/DET {c} {t} .
colour = {x.gen} {t} is/AUX {c} .
when = {x} {v.habit} {w} .
job = {x} is/AUX {j} .
q_where = Where/ADV is/AUX {x} ?
q_eat = What/PRON is/AUX {x} eating/VERB ?
q_drink = What/PRON is/AUX {x} drinking/VERB ?
q_colour = What/DET colour/NOUN is/AUX {x.gen} {t} ?
q_count = How/ADV many/ADJ {a} does/AUX {x} have/VERB ?
q_who_at = Who/PRON is/AUX {p} ?
q_who_eat = Who/PRON is/AUX eating/VERB {f} ?
q_who_drink = Who/PRON is/AUX drinking/VERB {d} ?

[x PROPN: base gen]
anna ; Anna ; Anna 's/PART
maria ; Maria ; Maria 's/PART
sara ; Sara ; Sara 's/PART
lena ; Lena ; Lena 's/PART
nina ; Nina ; Nina 's/PART
olga ; Olga ; Olga 's/PART
emma ; Emma ; Emma 's/PART
laila ; Laila ; Laila 's/PART
tom ; Tom ; Tom 's/PART
david ; David ; David 's/PART
omar ; Omar ; Omar 's/PART
ivan ; Ivan ; Ivan 's/PART
peter ; Peter ; Peter 's/PART
martin ; Martin ; Martin 's/PART
marco ; Marco ; Marco 's/PART
daniel ; Daniel ; Daniel 's/PART

[p NOUN: base]
kitchen ; in/ADP the/DET kitchen
garden ; in/ADP the/DET garden
school ; at/ADP the/DET school
forest ; in/ADP the/DET forest
library ; in/ADP the/DET library
hospital ; in/ADP the/DET hospital
office ; in/ADP the/DET office
restaurant ; in/ADP the/DET restaurant
station ; at/ADP the/DET station
market ; at/ADP the/DET market
museum ; in/ADP the/DET museum
hotel ; in/ADP the/DET hotel

[f NOUN: base]
apple ; an/DET apple
banana ; a/DET banana
orange ; an/DET orange
bread ; bread
cake ; cake
rice ; rice
fish ; fish
meat ; meat
cheese ; cheese
egg ; an/DET egg
fruit ; fruit

[d NOUN: base]
water ; water
milk ; milk
tea ; tea
coffee ; coffee
juice ; juice

[a NOUN: base one]
dog ; dogs ; a/DET dog
cat ; cats ; a/DET cat
horse ; horses ; a/DET horse
cow ; cows ; a/DET cow
goat ; goats ; a/DET goat
rabbit ; rabbits ; a/DET rabbit
bird ; birds ; a/DET bird
duck ; ducks ; a/DET duck
animal ; animals ; an/DET animal

[n NUM: base]
three ; three
four ; four
five ; five
six ; six

[t NOUN: base]
car ; car
bicycle ; bicycle
house ; house
bag ; bag
book ; book
shirt ; shirt
chair ; chair
hat ; hat

[c ADJ: base]
red ; red
blue ; blue
green ; green
white ; white
black ; black
yellow ; yellow
brown ; brown

[v VERB: base habit]
sleep ; sleeping ; sleeps
sing ; singing ; sings
work ; working ; works
wait ; waiting ; waits
dance ; dancing ; dances
laugh ; laughing ; laughs
cry ; crying ; cries
read ; reading ; reads

[w NOUN: base]
morning ; in/ADP the/DET morning
afternoon ; in/ADP the/DET afternoon
evening ; in/ADP the/DET evening
monday ; on/ADP Mondays/PROPN
sunday ; on/ADP Sundays/PROPN

[j NOUN: base]
doctor ; a/DET doctor
teacher ; a/DET teacher
farmer ; a/DET farmer
cook ; a/DET cook
engineer ; an/DET engineer
student ; a/DET student
"""
