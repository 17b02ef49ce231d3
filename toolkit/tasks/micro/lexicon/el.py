"""Greek. How to read these tables: see `toolkit/tasks/micro/grammar.py`."""

TEXT = """
genders = m f n

at = {x} είναι/AUX {p} .
do = {x} {v} .
do_at = {x} {v} {p} .
eat = {x} τρώει/VERB {f} .
eat_at = {x} τρώει/VERB {f} {p} .
drink = {x} πίνει/VERB {d} .
drink_at = {x} πίνει/VERB {d} {p} .
have = {x} έχει/VERB {a.one} .
count = {x} έχει/VERB {n~a} {a} .
none = {x} δεν/PART έχει/VERB ζώα/NOUN .
own = {x} έχει/VERB έναν|μία|ένα/DET~t {c.acc~t} {t.acc} .
colour = {t.def} {x.gen} είναι/AUX {c~t} .
when = {x} {v} {w} .
job = {x} είναι/AUX {j~x} .
q_where = Πού/ADV είναι/AUX {x} ;
q_eat = Τι/PRON τρώει/VERB {x} ;
q_drink = Τι/PRON πίνει/VERB {x} ;
q_colour = Τι/DET χρώμα/NOUN έχει/VERB {t.def} {x.gen} ;
q_count = Πόσους|Πόσες|Πόσα/DET~a {a} έχει/VERB {x} ;
q_who_at = Ποιος/PRON είναι/AUX {p} ;
q_who_eat = Ποιος/PRON τρώει/VERB {f} ;
q_who_drink = Ποιος/PRON πίνει/VERB {d} ;

[x PROPN: base gen]
anna f ; η/DET Άννα ; της/DET Άννας
maria f ; η/DET Μαρία ; της/DET Μαρίας
sara f ; η/DET Σάρα ; της/DET Σάρας
lena f ; η/DET Λένα ; της/DET Λένας
nina f ; η/DET Νίνα ; της/DET Νίνας
olga f ; η/DET Όλγα ; της/DET Όλγας
emma f ; η/DET Έμμα ; της/DET Έμμας
laila f ; η/DET Λεϊλά ; της/DET Λεϊλά
tom m ; ο/DET Τομ ; του/DET Τομ
david m ; ο/DET Δαβίδ ; του/DET Δαβίδ
omar m ; ο/DET Ομάρ ; του/DET Ομάρ
ivan m ; ο/DET Ιβάν ; του/DET Ιβάν
peter m ; ο/DET Πίτερ ; του/DET Πίτερ
martin m ; ο/DET Μάρτιν ; του/DET Μάρτιν
marco m ; ο/DET Μάρκο ; του/DET Μάρκο
daniel m ; ο/DET Ντάνιελ ; του/DET Ντάνιελ

[p NOUN: base]
kitchen ; στην/ADP κουζίνα
garden ; στον/ADP κήπο
school ; στο/ADP σχολείο
forest ; στο/ADP δάσος
library ; στη/ADP βιβλιοθήκη
hospital ; στο/ADP νοσοκομείο
office ; στο/ADP γραφείο
restaurant ; στο/ADP εστιατόριο
station ; στον/ADP σταθμό
market ; στην/ADP αγορά
museum ; στο/ADP μουσείο
hotel ; στο/ADP ξενοδοχείο

[f NOUN: base]
apple ; ένα/DET μήλο
banana ; μία/DET μπανάνα
orange ; ένα/DET πορτοκάλι
bread ; ψωμί
cake ; κέικ
rice ; ρύζι
fish ; ψάρι
meat ; κρέας
cheese ; τυρί
egg ; ένα/DET αυγό
fruit ; φρούτα

[d NOUN: base]
water ; νερό
milk ; γάλα
tea ; τσάι
coffee ; καφέ
juice ; χυμό

[a NOUN: base one]
dog m ; σκύλους ; έναν/DET σκύλο
cat f ; γάτες ; μία/DET γάτα
horse n ; άλογα ; ένα/DET άλογο
cow f ; αγελάδες ; μία/DET αγελάδα
goat f ; κατσίκες ; μία/DET κατσίκα
rabbit n ; κουνέλια ; ένα/DET κουνέλι
bird n ; πουλιά ; ένα/DET πουλί
duck f ; πάπιες ; μία/DET πάπια
animal n ; ζώα ; ένα/DET ζώο

[n NUM: base]
three ; τρεις|τρεις|τρία
four ; τέσσερις|τέσσερις|τέσσερα
five ; πέντε
six ; έξι

[t NOUN: def acc]
car n ; το/DET αυτοκίνητο ; αυτοκίνητο
bicycle n ; το/DET ποδήλατο ; ποδήλατο
house n ; το/DET σπίτι ; σπίτι
bag f ; η/DET τσάντα ; τσάντα
book n ; το/DET βιβλίο ; βιβλίο
shirt n ; το/DET πουκάμισο ; πουκάμισο
chair f ; η/DET καρέκλα ; καρέκλα
hat n ; το/DET καπέλο ; καπέλο

[c ADJ: base acc]
red ; κόκκινος|κόκκινη|κόκκινο ; κόκκινο|κόκκινη|κόκκινο
blue ; μπλε ; μπλε
green ; πράσινος|πράσινη|πράσινο ; πράσινο|πράσινη|πράσινο
white ; άσπρος|άσπρη|άσπρο ; άσπρο|άσπρη|άσπρο
black ; μαύρος|μαύρη|μαύρο ; μαύρο|μαύρη|μαύρο
yellow ; κίτρινος|κίτρινη|κίτρινο ; κίτρινο|κίτρινη|κίτρινο
brown ; καφέ ; καφέ

[v VERB: base]
sleep ; κοιμάται
sing ; τραγουδάει
work ; δουλεύει
wait ; περιμένει
dance ; χορεύει
laugh ; γελάει
cry ; κλαίει
read ; διαβάζει

[w NOUN: base]
morning ; το/DET πρωί
afternoon ; το/DET απόγευμα
evening ; το/DET βράδυ
monday ; κάθε/DET Δευτέρα/PROPN
sunday ; κάθε/DET Κυριακή/PROPN

[j NOUN: base]
doctor ; γιατρός
teacher ; δάσκαλος|δασκάλα
farmer ; αγρότης|αγρότισσα
cook ; μάγειρας|μαγείρισσα
engineer ; μηχανικός
student ; φοιτητής|φοιτήτρια
"""
