"""The fixed texts customers read, in every language the product ships; a bot's texts.yaml may reword each.

Only code that did a thing says so: no model writes these. Values in braces are filled in by the desk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Texts = Mapping[str, Mapping[str, str]]

SHIPPED: Texts = {
    "disclosure": {
        "en": "Hi! I'm an AI assistant, not a person. You can ask for a person at any time.",
        "da": "Hej! Jeg er en AI-assistent, ikke et menneske. Du kan altid bede om et menneske.",
        "de": "Hallo! Ich bin ein KI-Assistent, kein Mensch. Sie können jederzeit nach einem Menschen fragen.",
    },
    # What this bot helps with: nobody but its owner knows, so nothing is shipped.
    "scope": {"en": ""},
    "greeting": {
        "en": "What can I help you with?",
        "da": "Hvad kan jeg hjælpe med?",
        "de": "Womit kann ich helfen?",
    },
    "handed_over": {
        "en": "I've passed this on to a colleague, who will answer you right here.",
        "da": "Jeg har givet det videre til en kollega, som svarer dig her i chatten.",
        "de": "Ich habe das an eine Kollegin oder einen Kollegen weitergegeben; die Antwort kommt hier im Chat.",
    },
    "handed_over_closed": {
        "en": "I've passed this on. My colleagues are away right now and are back {opens}; they will answer you here.",
        "da": "Jeg har givet det videre. Mine kolleger er ikke på arbejde nu og er tilbage {opens}; de svarer dig her.",
        "de": "Ich habe das weitergegeben. Gerade ist niemand da; ab {opens} wird Ihnen hier im Chat geantwortet.",
    },
    "nobody": {
        "en": "I can't bring a person into this chat right now. Leave an e-mail address or a phone number and what it"
        " is about, and it is kept for a person to read. You can go on asking me meanwhile.",
        "da": "Jeg kan ikke få et menneske ind i chatten lige nu. Skriv en e-mail eller et telefonnummer og hvad det"
        " drejer sig om, så bliver det gemt til et menneske. Du kan spørge videre så længe.",
        "de": "Ich kann gerade keinen Menschen in diesen Chat holen. Hinterlassen Sie eine E-Mail-Adresse oder"
        " Telefonnummer und worum es geht; das wird für einen Menschen aufbewahrt. Fragen Sie mich gern weiter.",
    },
    "contact_noted": {
        "en": "Thank you, your contact details are kept with this conversation for a person to read.",
        "da": "Tak, dine kontaktoplysninger er gemt sammen med samtalen, så et menneske kan læse dem.",
        "de": "Danke, Ihre Kontaktdaten sind mit diesem Gespräch für einen Menschen aufbewahrt.",
    },
    "person_joined": {
        "en": "A person has joined and is reading your messages.",
        "da": "Et menneske er kommet med og læser dine beskeder.",
        "de": "Ein Mensch ist jetzt dabei und liest Ihre Nachrichten.",
    },
    "back_to_bot": {
        "en": "You're back with the AI assistant.",
        "da": "Du taler med AI-assistenten igen.",
        "de": "Sie sprechen wieder mit dem KI-Assistenten.",
    },
    "attachment": {
        "en": "I got your {what}, but I can't look at it. Tell me in words what it is about, or ask for a person.",
        "da": "Jeg har fået det, du sendte ({what}), men kan ikke se på det. Skriv, hvad det er, eller bed"
        " om et menneske.",
        "de": "Ihre Nachricht ({what}) ist da, aber ich kann sie nicht ansehen. Beschreiben Sie sie mit Worten"
        " oder fragen Sie nach einem Menschen.",
    },
    "apology": {
        "en": "I'm sorry, I can't answer that right now. Your message is kept. Please try again in a few minutes,"
        " or ask for a person.",
        "da": "Beklager, jeg kan ikke svare på det lige nu. Din besked er gemt. Prøv igen om lidt,"
        " eller bed om et menneske.",
        "de": "Entschuldigung, das kann ich gerade nicht beantworten. Ihre Nachricht ist gespeichert. Versuchen Sie"
        " es in ein paar Minuten noch einmal oder fragen Sie nach einem Menschen.",
    },
    "cut_off": {
        "en": "(My answer was cut off here. Please ask again if something is missing.)",
        "da": "(Mit svar blev afbrudt her. Spørg igen, hvis der mangler noget.)",
        "de": "(Meine Antwort wurde hier unterbrochen. Fragen Sie noch einmal, wenn etwas fehlt.)",
    },
    "opted_out": {
        "en": "You will get no more messages from us here. Write START if you want them again.",
        "da": "Du får ikke flere beskeder fra os her. Skriv START, hvis du vil have dem igen.",
        "de": "Sie erhalten hier keine Nachrichten mehr von uns. Schreiben Sie START, wenn Sie wieder welche möchten.",
    },
    "still_opted_out": {
        "en": "You asked us to write no more, so I can't answer. Write START, then ask again.",
        "da": "Du har bedt os om ikke at skrive mere, så jeg kan ikke svare. Skriv START, og spørg så igen.",
        "de": "Sie möchten keine Nachrichten mehr, deshalb kann ich nicht antworten. Schreiben Sie START und"
        " fragen Sie dann noch einmal.",
    },
    "opted_in": {
        "en": "Thank you, I can write to you again. What can I help you with?",
        "da": "Tak, nu kan jeg skrive til dig igen. Hvad kan jeg hjælpe med?",
        "de": "Danke, ich kann Ihnen wieder schreiben. Womit kann ich helfen?",
    },
}

KINDS: Texts = {
    "photo": {"en": "photo", "da": "foto", "de": "Foto"},
    "document": {"en": "file", "da": "fil", "de": "Datei"},
    "voice": {"en": "voice message", "da": "talebesked", "de": "Sprachnachricht"},
    "audio": {"en": "audio file", "da": "lydfil", "de": "Audiodatei"},
    "video": {"en": "video", "da": "video", "de": "Video"},
    "sticker": {"en": "sticker", "da": "sticker", "de": "Sticker"},
    "location": {"en": "location", "da": "placering", "de": "Standort"},
    "contact": {"en": "contact", "da": "kontakt", "de": "Kontakt"},
    "other": {"en": "message", "da": "besked", "de": "Nachricht"},
}
"""What customers call the kinds of attachments."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The texts in force. `languages` are the bot's, the first one its default; `own` rewords shipped texts."""

    languages: tuple[str, ...] = ("en",)
    own: Texts = field(default_factory=dict)

    def say(self, notice: str, language: str, **values: str) -> str:
        """A notice in this language, else in the bot's first language, else in English. KeyError: no such notice."""
        words = {**SHIPPED[notice], **self.own.get(notice, {})}
        return self.pick(words, language).format(**values)

    def kind(self, kind: str, language: str) -> str:
        """What a customer calls this kind of attachment."""
        return self.pick(KINDS.get(kind, KINDS["other"]), language)

    def introduction(self, language: str) -> str:
        """Who is speaking, and what it can help with where the bot's owner said so."""
        lines = (self.say("disclosure", language), self.say("scope", language))
        return " ".join(line for line in lines if line)

    def has(self, notice: str, language: str) -> bool:
        """Whether there is a text in this very language, not one it would fall back to."""
        return bool({**SHIPPED[notice], **self.own.get(notice, {})}.get(language, ""))

    def pick(self, words: Mapping[str, str], language: str) -> str:
        """The text for a language out of a mapping, falling back as `say` does; empty when there is none."""
        wanted: Sequence[str] = (language, *self.languages, "en")
        return next((words[code] for code in wanted if code in words), "")

    def language_of(self, *guesses: str) -> str:
        """The first guess that is a language of this bot (`da-DK` counts as `da`), else its first language."""
        for guess in guesses:
            code = guess.casefold().partition("-")[0]
            if code in self.languages:
                return code
        return self.languages[0]
