"""The small words each language is held together by: what retrieval weighs down and what tells a language.

Written by us, most frequent forms first, folded as `core.words.fold` folds. A table and nothing else; a word may stand
under several languages. What a word means to a signal (money, anger, asking for a person) lives with that signal.
"""

# ruff: noqa: RUF001 - Turkish has a dotless i

from __future__ import annotations

from collections.abc import Mapping

FUNCTION_WORDS: Mapping[str, frozenset[str]] = {
    language: frozenset(text.split())
    for language, text in {
        "en": "the a an is are was were be been am i you he she it we they me my your his her its our their this that "
        "these those to of in on at for with from by and or but if so as not no do does did done have has had can "
        "could would should will shall may might must how what where when why which who there here then than just "
        "please any some get got about into up out it's i'm i've don't can't won't isn't hello hi thanks thank "
        "yet still again only also too very much many more most because after before now today tomorrow help want "
        "need like know tell didn't haven't doesn't let give make show us them being over off all",
        "da": "og i jeg det at en den til er som på de med han af for ikke der var mig sig men et har om vi min "
        "havde ham hun nu over da fra du ud sin dem os op man hans hvor eller hvad skal selv her alle vil blev kunne "
        "ind når være dog noget ville jo deres efter ned skulle denne end dette mit også under have dig anden hende "
        "mine alt meget sit sine vor mod disse hvis din nogle hos blive mange ad bliver hendes været jer sådan kan "
        "hvornår hvordan hvorfor tak hej mangler stadig gerne hedder må lige måske nogen ingen få får gør går "
        "imorgen morgen uge goddag venligst mens bare dine dit vores kommer siden igen give mig",
        "sv": "och i att det som en på är av för med den till inte har de om ett jag men var han hon sig så från vi "
        "kan nu när man skulle här mig hade du vad där eller min ska vill få får mitt mina din ditt dina er ert era "
        "hur varför vilken vilket också bara mycket inget ingen något någon några än upp ut över under efter utan "
        "måste blir vara varit hej tack snälla idag imorgon pengar tillbaka ännu fortfarande väldigt finns kunna "
        "skulle oss dem dig honom henne denna detta dessa gör göra går igen aldrig alltid både hjälp",
        "no": "og i jeg det at en et den til er som på de han av ikke der så var meg seg men har om vi min mitt mine "
        "hun nå over da fra du ut sin dem oss opp man hva hvor eller skal selv her alle vil ble kunne inn når være "
        "noe ville deres etter ned skulle denne enn dette også under ha deg hvis din noen hos bli mange blir vært dere "
        "slik kan hvordan hvorfor hvilken takk hei mangler fortsatt gjerne må kanskje ingen få får gjør går uke penger "
        "vennligst mens bare vår vårt våre kommer siden igjen gi meg mye ikkje eg kva gjøre eit frå noko",
        "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus "
        "er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor "
        "zur bis mehr durch man sein wurde sei ich mir mich du dir dich wir uns ihr ihnen ihre ihren mein meine meinen "
        "meiner meinem dein deine kein keine keinen was wo wann warum wer wieso kann können könnte möchte muss soll "
        "habe hatte hab bin bitte danke hallo guten tag schon immer wieder jetzt heute morgen gibt wenn "
        "ja nein doch dann denn mal sehr alle ob seit ohne gegen dies diese dieser dieses gerne will würde gute",
        "nl": "de van het een en in is dat op te zijn met voor niet die aan er om ook als dan maar bij uit ook nog "
        "naar heeft ze hij ik je jij u uw mijn jouw wij we ons onze jullie mij me wat waar wanneer waarom hoe wie "
        "welke kan kunnen kon wil willen moet moeten mag zou zal worden wordt werd was waren heb hebben had geen al "
        "door over tot meer dit deze over tegen zonder nu vandaag morgen alsjeblieft alstublieft bedankt dank hallo "
        "goedemorgen graag terug geld iets iemand niemand altijd nooit weer steeds heel veel ben bent doen gaat",
        "fr": "le la les de des du un une et à en que qui ne pas pour dans ce il elle je tu nous vous ils elles on se "
        "est sont été être avoir ai as a avons avez ont au aux avec sur par plus mais ou où comme si son sa ses mon "
        "ma mes ton ta tes votre vos notre nos leur leurs cette cet ces quand comment pourquoi combien quel quelle "
        "j'ai c'est je n'ai qu'est ne peux peut voudrais veux suis merci bonjour svp s'il plaît toujours encore très "
        "bien tout tous rien jamais fait faire quoi mon moi toi lui d'un d'une l'on chez aussi jusqu'à depuis après "
        "avant aujourd'hui demain argent puis n'est n'a d'accord y",
        "es": "de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si "
        "sin sobre este ya entre cuando todo esta ser son dos también fue había era muy hasta desde está mi mis tu tus "
        "yo usted ustedes nosotros qué cómo cuándo dónde cuál cuánto quién quiero quisiera puedo puede tengo he han "
        "hay estoy hola gracias favor buenos días todavía nunca siempre nada algo alguien dinero ayer hoy mañana hace "
        "hacer donde porque eso esto ese esa te les nos aún cual estar han sido",
        "it": "di e il la che in un a per è una sono mi con non si da lo le i gli del della dei delle al alla nel "
        "nella come io tu noi voi lei lui loro mio mia miei mie tuo tua suo sua questo "
        "questa quello quella anche ma o se "
        "più ho hai ha abbiamo avete hanno ero stato stata essere avere posso può vorrei voglio quando dove perché chi "
        "cosa quale quanto ciao grazie buongiorno favore ancora sempre mai niente oggi domani fare ci ne vi sul sulla "
        "dal dalla agli alle dopo prima molto così già adesso c'è qual dell'",
        "pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à "
        "seu sua ou ser quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos "
        "ter seus quem nas me esse eles estão você tinha foram essa num nem suas meu às minha têm numa meus minhas "
        "nosso quero queria posso pode obrigado obrigada olá onde porque qual quanto ainda nunca sempre nada hoje "
        "amanhã dinheiro fazer estou tenho bom dia favor vocês não",
        "pl": "i w na z do nie się to jest że a o jak po co ale za od czy dla przez jestem mam mój moja moje mnie mi "
        "ja ty on ona my wy oni pan pani proszę dziękuję dzień dobry gdzie kiedy dlaczego kto który która które tak "
        "już jeszcze tylko może mogę można chcę chciałbym chciałabym był była było być są ma ten ta te tego tej bardzo "
        "zawsze nigdy nic coś dziś dzisiaj jutro pieniądze ile bo gdy oraz lub jego jej ich nam was",
        "fi": "ja on ei se että en oli olen olet ovat olla mutta niin kuin minun minä sinä hän me te he minulla mitä "
        "missä milloin miksi miten kuka mikä voi voin voiko voinko haluan haluaisin tämä tuo nyt vielä jo myös vain "
        "kun jos tai sekä kiitos hei terve ole hyvä ostin rahat takaisin tänään huomenna mun mulla sen sitä tätä "
        "tilaus tilaukseni paljon kaikki eikä ettei olisi saanko saan minulle onko koska",
        "tr": "ve bir bu da de için ile ben sen o biz siz onlar ne nasıl neden niye nerede zaman kim mi mı mu mü var "
        "yok değil çok daha en gibi kadar ama veya sonra önce bana benim senin onun bizim sizin şu her hiç şey "
        "lütfen teşekkürler teşekkür merhaba selam istiyorum olarak oldu olan olur bugün "
        "yarın hangi kaç geri hala henüz artık "
        "şimdi bunu beni bütün tüm",
        "id": "yang dan di ke dari untuk dengan ini itu tidak saya anda kamu dia kami kita mereka apa apakah bagaimana "
        "kapan mengapa kenapa dimana siapa bisa akan sudah belum ada adalah atau tapi pada oleh jika karena juga "
        "hanya lebih sangat tolong terima kasih halo hari besok semua saja aku ingin mau dalam seperti berapa lagi "
        "masih ya bukan",
        "cs": "a v na se je že to s z do i o ale jak k pro za by jsem jsi jsou byl byla bylo být mám máte má můj moje "
        "mi mě já ty on ona my vy oni kde kdy proč kdo co který která které ano ne nebo už ještě jen může mohu můžu "
        "chci chtěl prosím děkuji dobrý den ahoj dnes zítra peníze tak také když od po při ten ta ty toho velmi",
        "lt": "ir kad ar yra aš tai su į iš ne kaip bet mano man kur kada prašau ką už dėl šiandien rytoj ačiū labas "
        "jau dar tik kas mane nuo per po apie būti buvo bus tu jūs mes jis ji šį visus visas kokia koks kiek ant iki "
        "nėra galiu noriu",
    }.items()
}

_SMALL_TALK = frozenset(
    [
        *("assist", "assistance", "trying", "try", "wanna", "gonna", "gotta", "cant", "dont", "possible", "wondering"),
        *(
            "question",
            "regarding",
            "information",
            "info",
            "hear",
            "see",
            "check",
            "damn",
            "guys",
            "ya",
            "ur",
            "u",
            "im",
        ),
        *(
            "hjælp",
            "hjælpe",
            "spørgsmål",
            "information",
            "prøver",
            "hilfe",
            "helfen",
            "frage",
            "versuche",
            "information",
        ),
    ]
)

STOP_WORDS: frozenset[str] = _SMALL_TALK.union(*(FUNCTION_WORDS[language] for language in ("en", "da", "de")))
"""What retrieval and rephrase weigh down: the small words and small talk of English, Danish and German, the languages
the shipped bots are written in."""
