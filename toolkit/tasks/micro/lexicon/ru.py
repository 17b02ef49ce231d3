"""Russian. How to read these tables: see `toolkit/tasks/micro/grammar.py`.

Numbers choose the noun's form: 3 and 4 the genitive singular (class `few`), 5 and 6 the genitive plural (`many`).
"""

TEXT = """
genders = m f n
classes = few many

at = {x} сейчас/ADV {p} .
do = {x} {v} .
do_at = {x} {v} {p} .
eat = {x} ест/VERB {f} .
eat_at = {x} ест/VERB {f} {p} .
drink = {x} пьёт/VERB {d} .
drink_at = {x} пьёт/VERB {d} {p} .
have = У/ADP {x.gen} есть/VERB {a.one} .
count = У/ADP {x.gen} {n} {a~n} .
none = У/ADP {x.gen} нет/VERB животных/NOUN .
own = У/ADP {x.gen} {c~t} {t} .
colour = {t} {x.gen} {c~t} .
when = {x} {v} {w} .
job = {x} —/PUNCT {j~x} .
q_where = Где/ADV сейчас/ADV {x} ?
q_eat = Что/PRON ест/VERB {x} ?
q_drink = Что/PRON пьёт/VERB {x} ?
q_colour = Какого/DET цвета/NOUN {t} {x.gen} ?
q_count = Сколько/NUM {a.many} у/ADP {x.gen} ?
q_who_at = Кто/PRON сейчас/ADV {p} ?
q_who_eat = Кто/PRON ест/VERB {f} ?
q_who_drink = Кто/PRON пьёт/VERB {d} ?

[x PROPN: base gen]
anna f ; Анна ; Анны
maria f ; Мария ; Марии
sara f ; Сара ; Сары
lena f ; Лена ; Лены
nina f ; Нина ; Нины
olga f ; Ольга ; Ольги
emma f ; Эмма ; Эммы
laila f ; Лейла ; Лейлы
tom m ; Том ; Тома
david m ; Давид ; Давида
omar m ; Омар ; Омара
ivan m ; Иван ; Ивана
peter m ; Питер ; Питера
martin m ; Мартин ; Мартина
marco m ; Марко ; Марко
daniel m ; Даниэль ; Даниэля

[p NOUN: base]
kitchen ; на/ADP кухне
garden ; в/ADP саду
school ; в/ADP школе
forest ; в/ADP лесу
library ; в/ADP библиотеке
hospital ; в/ADP больнице
office ; в/ADP офисе
restaurant ; в/ADP ресторане
station ; на/ADP вокзале
market ; на/ADP рынке
museum ; в/ADP музее
hotel ; в/ADP гостинице

[f NOUN: base]
apple ; яблоко
banana ; банан
orange ; апельсин
bread ; хлеб
cake ; торт
rice ; рис
fish ; рыбу
meat ; мясо
cheese ; сыр
egg ; яйцо
fruit ; фрукты

[d NOUN: base]
water ; воду
milk ; молоко
tea ; чай
coffee ; кофе
juice ; сок

[a NOUN: base one many]
dog ; собаки|собак ; собака ; собак
cat ; кошки|кошек ; кошка ; кошек
horse ; лошади|лошадей ; лошадь ; лошадей
cow ; коровы|коров ; корова ; коров
goat ; козы|коз ; коза ; коз
rabbit ; кролика|кроликов ; кролик ; кроликов
bird ; птицы|птиц ; птица ; птиц
duck ; утки|уток ; утка ; уток
animal ; животных ; животное ; животных

[n NUM: base]
three few ; три
four few ; четыре
five many ; пять
six many ; шесть

[t NOUN: base]
car f ; машина
bicycle m ; велосипед
house m ; дом
bag f ; сумка
book f ; книга
shirt f ; рубашка
chair m ; стул
hat f ; шляпа

[c ADJ: base]
red ; красный|красная
blue ; синий|синяя
green ; зелёный|зелёная
white ; белый|белая
black ; чёрный|чёрная
yellow ; жёлтый|жёлтая
brown ; коричневый|коричневая

[v VERB: base]
sleep ; спит
sing ; поёт
work ; работает
wait ; ждёт
dance ; танцует
laugh ; смеётся
cry ; плачет
read ; читает

[w NOUN: base]
morning ; утром
afternoon ; днём
evening ; вечером
monday ; по/ADP понедельникам
sunday ; по/ADP воскресеньям

[j NOUN: base]
doctor ; врач
teacher ; учитель|учительница
farmer ; фермер
cook ; повар
engineer ; инженер
student ; студент|студентка
"""
