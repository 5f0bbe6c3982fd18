"""What kind of generator a system of the manifest is, for the modern ones.

Only these count in the selection signal: the vendors and models of today resemble them more than
they resemble the vocoders and acoustic models of before 2022. Names are compared case-folded; a
variant in brackets or behind a colon belongs to its system ("valle(dac)" is a "valle",
"kokoro:mix3" a "kokoro").
"""

import re

MODERN_FAMILIES: dict[str, str] = {
    "codec language model": (
        "ar-codec-lm bark captts-ar clam-tts cosyvoice cosyvoice2 fireredtts fish-speech "
        "fish-speech-1.5 indextts indextts2 koel-tts maskgct mqtts parler-tts soundstorm spark-tts "
        "step-audio t5-tts tortoise uniaudio uslm vall-e valle valle-x vibevoice voicecraft "
        "voicestar voxinstruct xtts xtts_v1 xtts_v2 zonos"
    ),
    "flow matching": (
        "captts-nar e1-tts e2-tts f5-tts match-ttsg matcha-tts mean-speech p-flow speechflow "
        "voicebox zipvoice"
    ),
    "diffusion": (
        "ardit comospeech diff-ttsg ditto-tts dmn-tts ed-tts fdmn-tts flashspeech grad-stylespeech "
        "guided-tts2 latentspeech naturalspeech2 naturalspeech2/3 naturalspeech3 prodiff resgrad "
        "simple-tts unicats unitspeech voiceldm zet-speech"
    ),
    "adversarial": (
        "aco-tts asr-guided-tts controlspeech face-stylespeech hierspeech hierspeech++ hiervst "
        "kokoro mega-tts mega-tts2 melotts narsis-tts promptstyle prompttts prompttts++ "
        "styletts-zs styletts2"
    ),
    "voice conversion": (
        "aas-vc dddm-vc diff-hiervc diffvc freevc genvc slmgan speechtokenizer-vc styletts-vc "
        "voicemixer"
    ),
    "commercial": "azure-tts gemini-tts gtts",
}

_FAMILY_OF = {
    system: family for family, systems in MODERN_FAMILIES.items() for system in systems.split()
}


def base_name(system: str) -> str:
    """The name under which different pages' spellings and variants of a system are the same."""
    return re.split(r"[(:]", system.casefold())[0].strip()


def modern_family(system: str) -> str | None:
    """The family of a modern system, None for an older or unknown one."""
    return _FAMILY_OF.get(base_name(system))
