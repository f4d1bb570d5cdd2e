"""What is said, in the languages of Paja: the labs' environment has none of its catalogues."""

from collections.abc import Mapping, Sequence
from typing import Final

from .listing import Gpu

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "found": "GPUs here: {gpus}.",
        "torch_is_blind": (
            "PyTorch does not see them: this PyTorch was made for another kind of GPU or for none, and computes on"
            " the processor."
        ),
        "too_few": (
            "This notebook needs {wanted} GPUs, and here are only these: {gpus}. Stop this session, choose a place"
            " with more GPUs on the lab’s page in Paja, and start the lab there."
        ),
        "not_usable": (
            "GPU {given} was given to this session, but nothing here can use it: no driver answers. Stop this"
            " session and start the lab again; tell your instructor if it happens again."
        ),
        "development": (
            "There is no GPU here: this is a development machine. Cells that need one run at a factory only."
        ),
        "grading": (
            "There is no GPU where this is graded, and this notebook needs one. That is no fault of your work: tell"
            " your instructor."
        ),
        "none": (
            "There is no GPU here, and this notebook needs one. Stop this session, choose a place with a GPU on the"
            " lab’s page in Paja, and start the lab there. Your work is kept."
        ),
    },
    "fi": {
        "found": "Käytettävissä olevat GPU:t: {gpus}.",
        "torch_is_blind": (
            "PyTorch ei näe niitä: tämä PyTorch on tehty toisenlaiselle GPU:lle tai ilman GPU-tukea, ja se laskee"
            " suorittimella."
        ),
        "too_few": (
            "Tämä muistikirja tarvitsee {wanted} GPU:ta, mutta täällä on vain: {gpus}. Pysäytä tämä istunto, valitse"
            " harjoitustyön sivulla Pajassa suorituspaikka, jossa on enemmän GPU:ita, ja käynnistä harjoitustyö siellä."
        ),
        "not_usable": (
            "Tälle istunnolle annettiin GPU {given}, mutta sitä ei voi käyttää: ajuri ei vastaa. Pysäytä tämä istunto"
            " ja käynnistä harjoitustyö uudelleen; kerro opettajallesi, jos sama toistuu."
        ),
        "development": (
            "Täällä ei ole GPU:ta: tämä on kehityskone. GPU:ta tarvitsevat solut toimivat vain tekoälytehtaalla."
        ),
        "grading": (
            "Arvosteluympäristössä ei ole GPU:ta, mutta tämä muistikirja tarvitsee sellaisen. Vika ei ole sinun"
            " työssäsi: kerro asiasta opettajallesi."
        ),
        "none": (
            "Täällä ei ole GPU:ta, mutta tämä muistikirja tarvitsee sellaisen. Pysäytä tämä istunto, valitse"
            " harjoitustyön sivulla Pajassa suorituspaikka, jossa on GPU, ja käynnistä harjoitustyö siellä. Työsi"
            " säilyy."
        ),
    },
    "el": {
        "found": "Διαθέσιμες GPU: {gpus}.",
        "torch_is_blind": (
            "Το PyTorch δεν τις βλέπει: αυτή η έκδοσή του έχει φτιαχτεί για άλλο είδος GPU ή χωρίς υποστήριξη GPU, και"
            " οι υπολογισμοί γίνονται στον επεξεργαστή."
        ),
        "too_few": (
            "Αυτό το σημειωματάριο χρειάζεται {wanted} GPU, αλλά εδώ δεν υπάρχουν τόσες: {gpus}. Διακόψτε αυτή τη"
            " συνεδρία, επιλέξτε στη σελίδα του εργαστηρίου στο Paja ένα σημείο εκκίνησης με περισσότερες GPU και"
            " ξεκινήστε εκεί το εργαστήριο."
        ),
        "not_usable": (
            "Σε αυτή τη συνεδρία δόθηκε η GPU {given}, αλλά δεν μπορεί να χρησιμοποιηθεί: κανένα πρόγραμμα οδήγησης"
            " δεν απαντά. Διακόψτε αυτή τη συνεδρία και ξεκινήστε ξανά το εργαστήριο· αν ξανασυμβεί, ενημερώστε τους"
            " διδάσκοντες."
        ),
        "development": (
            "Εδώ δεν υπάρχει GPU: αυτό είναι μηχάνημα ανάπτυξης. Τα κελιά που τη χρειάζονται εκτελούνται μόνο σε"
            " εργοστάσιο."
        ),
        "grading": (
            "Εκεί όπου γίνεται η βαθμολόγηση δεν υπάρχει GPU, αλλά αυτό το σημειωματάριο χρειάζεται μία. Δεν φταίει η"
            " εργασία σας: ενημερώστε τους διδάσκοντες."
        ),
        "none": (
            "Εδώ δεν υπάρχει GPU, αλλά αυτό το σημειωματάριο χρειάζεται μία. Διακόψτε αυτή τη συνεδρία, επιλέξτε στη"
            " σελίδα του εργαστηρίου στο Paja ένα σημείο εκκίνησης με GPU και ξεκινήστε εκεί το εργαστήριο. Η εργασία"
            " σας διατηρείται."
        ),
    },
}


def choose_words(language: str) -> Mapping[str, str]:
    """Of a language such as `fi` or `fi-fi`; of another one in English."""
    return WORDS.get(language.partition("-")[0].lower(), WORDS["en"])


def describe(gpus: Sequence[Gpu]) -> str:
    """Equal ones once, with their number: `2 × AMD Instinct MI250X (64 GB)`."""
    counts = {gpu: gpus.count(gpu) for gpu in gpus}
    return ", ".join(f"{count} × {gpu}" if count > 1 else f"{gpu}" for gpu, count in counts.items())
