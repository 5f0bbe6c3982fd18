"""What kind of generator a system of the manifest is.

Only the modern families count in the selection signal: the vendors and models of today resemble
them more than they resemble the vocoders and acoustic models of before 2022. Names are compared
case-folded; a variant in brackets or behind a colon belongs to its system ("valle(dac)" is a
"valle", "kokoro:mix3" a "kokoro").
"""

import re

MODERN_FAMILIES: dict[str, str] = {
    "codec language model": (
        "2cent-tts ar-codec-lm autostyle-tts azure-speech-gpt bark captts-ar chatterbox chattts "
        "clam-tts cosyvoice cosyvoice2 cosyvoice3 cpsp-tts debatts dots-tts echox emovoice felle "
        "fireredtts fireredtts2 fish-speech fish-speech-1.5 gpst higgs-audio-v3 hubert-tts "
        "indextts indextts2 inworld-tts-1 inworld-tts-1-max koel-tts laura-tts lina-speech "
        "livespeech livespeech2 llasa make-a-voice marco-voice mars5 maskgct melle metavoice metis "
        "mimo-audio ming-omni-tts mooncast moss-tts moss-ttsd mqtts ms2kul-valle omnivoice orpheus "
        "parler-tts qwen3-tts rwkv-tts secousticodec-tts soulx-podcast soundstorm spark-tts "
        "spear-tts speechalign speechgpt speechx step-audio step-audio-editx style-talker t5-tts "
        "tacolm tadicodec-tts tortoise transduce-and-speak uddetts uniaudio uniss uslm vall-e "
        "valle valle-x vallt vevo-style vevo-tts vevo-voice vibevoice vieneu-tts voicecraft "
        "voicestar voxinstruct voxtream vq-ctap wav2vec2-tts xtts xtts_v1 xtts_v2 zonos zonos2"
    ),
    "flow matching": (
        "azure-flow-tts captts-nar dmospeech2 e1-tts e2-tts emodubber f5-tts flamed-tts "
        "flespeech flowdubber match-ttsg matcha-tts mean-speech mega-tts3 ozspeech p-flow "
        "speechflow stabletts supertonic voicebox zipvoice"
    ),
    "diffusion": (
        "ardit azure-diffusion-tts comospeech dc-comix-tts dex-tts diff-ttsg diffgan-tts "
        "diffprosody diffstyletts ditar ditto-tts dmn-tts dmospeech e3-tts ed-tts face-tts "
        "fastdiff-tts fdmn-tts flashspeech fvtts grad-stylespeech guided-tts guided-tts2 "
        "instructtts latentspeech lightgrad mm-tts naturalspeech2 "
        "naturalspeech2/3 naturalspeech3 prodiff prompttts2 resgrad scenema-audio simple-tts "
        "unicats unitspeech vit-tts voiceldm voicetailor wavegrad2 zet-speech"
    ),
    "adversarial": (
        "aco-tts asr-guided-tts clone controlspeech delightfultts delightfultts2 etd-tts "
        "face-stylespeech hierspeech hierspeech++ hiervst kittentts kokoro mega-tts mega-tts2 "
        "melotts mimic3 narsis-tts period-vits pits promptstyle prompttts prompttts++ "
        "styletts styletts-zs styletts2 vits2"
    ),
    "voice conversion": (
        "aas-vc asr-ac balacoon-revoice bark-vc bnf-vc consistencyvc convert-and-speak "
        "cycleppg-xvc dddm-vc diff-hiervc diffvc elevenlabs-vc emovox facodec-vc freecodec-vc "
        "freevc genvc hubert-vc hybrid-bottleneck-vc knn-vc linearvc lm-vc meanvc mixemo-vc "
        "nansy pits-vc promptvc quickvc rlvc seed-vc singlevc slmgan speech-resynthesis "
        "speechtokenizer-vc streamvoice stylespeech-vc styletts-vc triaan-vc vevo-timbre "
        "voicemixer voiceshop wav2vec-vc wav2vec2-vc winter-vc zest"
    ),
    "commercial": (
        "amazon-polly azure-tts azure-turbo cartesia doubao elevenlabs "
        "gemini-tts gpt-4o-audio gtts minimax-speech openai-tts picovoice-orca rime silero "
        "smallest-lightning"
    ),
}
OLDER_FAMILIES: dict[str, str] = {
    "acoustic model": (
        "adaspeech2 adaspeech4 attentron calm-tts cdfse-tts chunkwise-style-tts clapspeech "
        "coherent-tts daspeech denoispeech diffspeech emosphere-tts emotional-gst-tacotron "
        "fastpitch fastspeech fastspeech2 fastspeech2s fccondubber fg-transformertts "
        "ganspeech generspeech glow-tts grad-tts hce hilvoice hpmdubbing jets lightspeech "
        "mellotron msc-tts msemotts msrgcn-tts multi-scale-style-tts nautilus neural-dubber "
        "neural-hmm nore overflow parrot-tts pausespeech portaspeech priorgrad produbber "
        "salle seminas speaker2dub styledub styledubber styler stylespeech syntaspeech "
        "tacotron-gst tacotron2 tongue2speech transformer-tts v2c-net vits vq-tts wsv-tts "
        "xvector-tts yourtts"
    ),
    "speech translation": (
        "cascaded-s2st comspeech dino-pretssel pretssel seamless-expressive seamless-m4t "
        "streamspeech translatotron translatotron2 transpeech unit-hifigan unity"
    ),
    "conversion before 2022": (
        "adain-vc again-vc autovc cyclegan-vc fragmentvc mediumvc ppg-vc s2vc vcc2020-t10 "
        "vcc2020-t13 vcc2020-t25 vcc2020-t29 vqmivc vqvc+"
    ),
    "vocoder": (
        "apnet audiolm bigvgan bigvsan ctx-vec2wav diffwave fastdiff freev fregrad hifi-gan "
        "hiftnet hn-usfgan infergrad istftnet melgan miipher miipher2 multiband-melgan "
        "parallelwavegan periodwave specgrad univnet usfgan vocos wavefit waveflow waveglow "
        "wavegrad wavehax wavenet wavernn world"
    ),
    "editing": ("a3t campnet editspeech fluenteditor fluenteditor2 fluentspeech retrievertts"),
}

_MODERN = {s: family for family, systems in MODERN_FAMILIES.items() for s in systems.split()}
_OLDER = {s: family for family, systems in OLDER_FAMILIES.items() for s in systems.split()}


def base_name(system: str) -> str:
    """The name under which different pages' spellings and variants of a system are the same."""
    return re.split(r"[(:]", system.casefold())[0].strip()


def modern_family(system: str) -> str | None:
    """The family of a modern system, None for an older or unknown one."""
    return _MODERN.get(base_name(system))


def family(system: str) -> str | None:
    """The family of a system, modern or older, None for an unknown one."""
    return modern_family(system) or _OLDER.get(base_name(system))
