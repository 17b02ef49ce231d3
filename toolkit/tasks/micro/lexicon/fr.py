"""French. How to read these tables: see `toolkit/tasks/micro/grammar.py`."""

TEXT = """
genders = m f
apart = ?

at = {x} est/AUX {p} .
do = {x} {v} .
do_at = {x} {v} {p} .
eat = {x} mange/VERB {f} .
eat_at = {x} mange/VERB {f} {p} .
drink = {x} boit/VERB {d} .
drink_at = {x} boit/VERB {d} {p} .
have = {x} a/VERB {a.one} .
count = {x} a/VERB {n} {a} .
none = {x} n'/ADV a/VERB pas/ADV d'/ADP animaux/NOUN .
own = {x} a/VERB un|une/DET~t {t} {c~t} .
colour = le|la/DET~t {t} {x.gen} est/AUX {c~t} .
when = {x} {v} {w} .
job = {x} est/AUX {j~x} .
q_where = Où/ADV est/AUX {x} ?
q_eat = Que/PRON mange/VERB {x} ?
q_drink = Que/PRON boit/VERB {x} ?
q_colour = De/ADP quelle/DET couleur/NOUN est/AUX le|la/DET~t {t} {x.gen} ?
q_count = Combien/ADV {a.of} possède/VERB {x} ?
q_who_at = Qui/PRON est/AUX {p} ?
q_who_eat = Qui/PRON mange/VERB {f} ?
q_who_drink = Qui/PRON boit/VERB {d} ?

[x PROPN: base gen]
anna f ; Anna ; d'/ADP Anna
maria f ; Maria ; de/ADP Maria
sara f ; Sara ; de/ADP Sara
lena f ; Léna ; de/ADP Léna
nina f ; Nina ; de/ADP Nina
olga f ; Olga ; d'/ADP Olga
emma f ; Emma ; d'/ADP Emma
laila f ; Leïla ; de/ADP Leïla
tom m ; Tom ; de/ADP Tom
david m ; David ; de/ADP David
omar m ; Omar ; d'/ADP Omar
ivan m ; Ivan ; d'/ADP Ivan
peter m ; Peter ; de/ADP Peter
martin m ; Martin ; de/ADP Martin
marco m ; Marco ; de/ADP Marco
daniel m ; Daniel ; de/ADP Daniel

[p NOUN: base]
kitchen ; dans/ADP la/DET cuisine
garden ; dans/ADP le/DET jardin
school ; à/ADP l'/DET école
forest ; dans/ADP la/DET forêt
library ; à/ADP la/DET bibliothèque
hospital ; à/ADP l'/DET hôpital
office ; au/ADP bureau
restaurant ; au/ADP restaurant
station ; à/ADP la/DET gare
market ; au/ADP marché
museum ; au/ADP musée
hotel ; à/ADP l'/DET hôtel

[f NOUN: base]
apple ; une/DET pomme
banana ; une/DET banane
orange ; une/DET orange
bread ; du/DET pain
cake ; du/DET gâteau
rice ; du/DET riz
fish ; du/DET poisson
meat ; de/ADP la/DET viande
cheese ; du/DET fromage
egg ; un/DET œuf
fruit ; des/DET fruits

[d NOUN: base]
water ; de/ADP l'/DET eau
milk ; du/DET lait
tea ; du/DET thé
coffee ; du/DET café
juice ; du/DET jus

[a NOUN: base one of]
dog ; chiens ; un/DET chien ; de/ADP chiens
cat ; chats ; un/DET chat ; de/ADP chats
horse ; chevaux ; un/DET cheval ; de/ADP chevaux
cow ; vaches ; une/DET vache ; de/ADP vaches
goat ; chèvres ; une/DET chèvre ; de/ADP chèvres
rabbit ; lapins ; un/DET lapin ; de/ADP lapins
bird ; oiseaux ; un/DET oiseau ; d'/ADP oiseaux
duck ; canards ; un/DET canard ; de/ADP canards
animal ; animaux ; un/DET animal ; d'/ADP animaux

[n NUM: base]
three ; trois
four ; quatre
five ; cinq
six ; six

[t NOUN: base]
car f ; voiture
bicycle m ; vélo
house f ; maison
bag m ; sac
book m ; livre
shirt f ; chemise
chair f ; chaise
hat m ; chapeau

[c ADJ: base]
red ; rouge
blue ; bleu|bleue
green ; vert|verte
white ; blanc|blanche
black ; noir|noire
yellow ; jaune
brown ; marron

[v VERB: base]
sleep ; dort
sing ; chante
work ; travaille
wait ; attend
dance ; danse
laugh ; rit
cry ; pleure
read ; lit

[w NOUN: base]
morning ; le/DET matin
afternoon ; l'/DET après-midi
evening ; le/DET soir
monday ; le/DET lundi
sunday ; le/DET dimanche

[j NOUN: base]
doctor ; médecin
teacher ; enseignant|enseignante
farmer ; agriculteur|agricultrice
cook ; cuisinier|cuisinière
engineer ; ingénieur|ingénieure
student ; étudiant|étudiante
"""
