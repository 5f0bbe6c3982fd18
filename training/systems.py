"""What kind of generator a system of the manifest is.

Only the modern families count in the selection signal: the vendors and models of today resemble
them more than they resemble the vocoders and acoustic models of before 2022. Names are compared
case-folded; a variant in brackets belongs to its system ("valle(dac)" is a "valle").
"""

MODERN_FAMILIES: dict[str, str] = {
    "codec language model": (
        "ar-codec-lm bark captts-ar clam-tts cosyvoice cosyvoice2 fireredtts fish-speech "
        "fish-speech-1.5 gpst inworld-tts-1 inworld-tts-1-max indextts indextts2 koel-tts "
        "lina-speech livespeech make-a-voice mars5 maskgct metavoice metis mqtts ms2kul-valle "
        "parler-tts soundstorm spark-tts spear-tts speechalign speechgpt speechx step-audio t5-tts "
        "tortoise uniaudio uslm vall-e valle valle-x vibevoice voicecraft voicestar voxinstruct "
        "xtts xtts_v1 xtts_v2 zonos"
    ),
    "flow matching": (
        "captts-nar e1-tts e2-tts emodubber f5-tts flespeech match-ttsg matcha-tts mean-speech "
        "ozspeech p-flow speechflow voicebox zipvoice"
    ),
    "diffusion": (
        "ardit comospeech diff-ttsg ditto-tts dmn-tts e3-tts ed-tts fdmn-tts flashspeech "
        "grad-stylespeech guided-tts2 instructtts latentspeech lightgrad mm-tts naturalspeech2 "
        "naturalspeech2/3 naturalspeech3 prodiff prompttts2 resgrad simple-tts unicats unitspeech "
        "vit-tts voiceldm voicetailor zet-speech"
    ),
    "adversarial": (
        "aco-tts asr-guided-tts clone controlspeech face-stylespeech hierspeech hierspeech++ "
        "hiervst kokoro mega-tts mega-tts2 melotts narsis-tts period-vits pits promptstyle "
        "prompttts prompttts++ styletts-zs styletts2 vits2"
    ),
    "voice conversion": (
        "aas-vc dddm-vc diff-hiervc diffvc freevc genvc nansy pits-vc quickvc rlvc slmgan "
        "speechtokenizer-vc styletts-vc triaan-vc voicemixer winter-vc"
    ),
    "commercial": "azure-tts elevenlabs gemini-tts gpt-4o-audio gtts",
}
OLDER_FAMILIES: dict[str, str] = {
    "acoustic model": (
        "adaspeech2 adaspeech4 calm-tts clapspeech coherent-tts daspeech denoispeech diffspeech "
        "emosphere-tts fastpitch fastspeech2 fastspeech2s fccondubber generspeech glow-tts grad-tts "
        "hce hpmdubbing jets lightspeech msemotts nautilus neural-dubber neural-hmm overflow "
        "parrot-tts pausespeech portaspeech priorgrad salle seminas speaker2dub styledubber "
        "syntaspeech tacotron-gst tacotron2 v2c-net vits yourtts"
    ),
    "speech translation": (
        "comspeech transpeech translatotron translatotron2 unit-hifigan unity"
    ),
    "conversion before 2022": "adain-vc again-vc fragmentvc mediumvc ppg-vc s2vc vqmivc vqvc+",
    "vocoder": (
        "audiolm bigvgan bigvsan ctx-vec2wav diffwave fregrad hifi-gan infergrad miipher miipher2 "
        "periodwave specgrad univnet vocos waveflow waveglow wavefit"
    ),
    "editing": "retrievertts",
}

_MODERN = {s: family for family, systems in MODERN_FAMILIES.items() for s in systems.split()}
_OLDER = {s: family for family, systems in OLDER_FAMILIES.items() for s in systems.split()}


def base_name(system: str) -> str:
    """The name under which different pages' spellings and variants of a system are the same."""
    return system.casefold().split("(")[0].strip()


def modern_family(system: str) -> str | None:
    """The family of a modern system, None for an older or unknown one."""
    return _MODERN.get(base_name(system))


def family(system: str) -> str | None:
    """The family of a system, modern or older, None for an unknown one."""
    return modern_family(system) or _OLDER.get(base_name(system))
