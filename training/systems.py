"""What kind of generator a system of the manifest is.

Only the modern families count in the selection signal: the vendors and models of today resemble
them more than they resemble the vocoders and acoustic models of before 2022. Names are compared
case-folded; a variant in brackets or behind a colon belongs to its system ("valle(dac)" is a
"valle", "kokoro:mix3" a "kokoro").
"""

import re

MODERN_FAMILIES: dict[str, str] = {
    "codec language model": (
        "2cent-tts ar-codec-lm audiobook-cc audiolm-vc autostyle-tts azure-speech-gpt bark "
        "bridgetts captts-ar chatterbox chattts clam-tts cosyvoice cosyvoice2 cosyvoice3 "
        "cpsp-tts debatts decoupled-mtp-slm dgslm dia disco-speech dopamine-audiobook dots-tts "
        "echox ella-v emovoice felle fireredtts fireredtts2 fish-speech fish-speech-1.5 "
        "flexicodec-tts gpst gpt-sovits gpt-talker higgs-audio-v3 hubert-tts indextts "
        "indextts2 inworld-tts-1 inworld-tts-1-max j-moshi kall-e koel-tts laura-tts "
        "lina-speech livespeech livespeech2 llasa make-a-voice marco-voice mars5 maskgct melle "
        "metavoice metis mimo-audio ming-omni-tts ming-uniaudio mini-omni mooncast "
        "moshi-multistream-tts moss-tts moss-ttsd mqtts ms2kul-valle muspeaker neutts "
        "omnivoice orpheus palle parallel-gpt parler-tts qwen3-tts rall-e richtts rwkv-tts "
        "secousticodec-tts sled-tts socodec-tts soulx-podcast soundstorm spark-tts spear-tts "
        "speechalign speechcraft-tts speechedit-lm speechgpt speechgpt-gen speechx spon-lm-tts "
        "step-audio step-audio-editx style-talker t5-tts tacolm tadicodec-tts taste-slm "
        "tortoise transduce-and-speak uddetts uniaudio uniss usdm usdm-cascaded uslm vall-e "
        "valle valle-vc valle-x vallt vevo-style vevo-tts vevo-voice vibevoice vieneu-tts "
        "voicecraft voicecraft-dub voicestar voxinstruct voxtream voxtream2 vq-ctap "
        "wav2vec2-tts wescon xtts xtts_v1 xtts_v2 zonos zonos2"
    ),
    "flow matching": (
        "azure-flow-tts captts-nar dmospeech2 dragon-fm e1-tts e2-tts emodubber f5-tts "
        "flamed-tts flespeech flexspeech flow-omni flowdubber match-ttsg matcha-tts "
        "mean-speech mega-tts3 ozspeech p-flow speechflow stabletts supertonic voicebox "
        "zenflow zipvoice zipvoice-dialog"
    ),
    "diffusion": (
        "ardit azure-diffusion-tts bridge-tts comospeech dc-comix-tts dex-tts diff-ttsg "
        "diffgan-tts diffprosody diffstyletts ditar ditto-tts dmn-tts dmospeech e3-tts ed-tts "
        "editts emomix face-tts fastdiff-tts fastgrad-tts fdmn-tts flashspeech fvtts "
        "grad-stylespeech guided-tts guided-tts2 instructtts latentspeech lightgrad mm-tts "
        "naturalspeech2 naturalspeech2/3 naturalspeech3 prodiff prompttts2 resgrad "
        "scenema-audio simple-tts unicats unitspeech vit-tts voiceldm voicetailor voxcpm "
        "wavegrad2 zet-speech"
    ),
    "adversarial": (
        "aco-tts asr-guided-tts clone controlspeech delightfultts delightfultts2 elf-tts "
        "etd-tts face-stylespeech fly-tts hierspeech hierspeech++ hiervst kittentts kokoro "
        "mega-tts mega-tts2 melotts mimic3 mms-tts narsis-tts naturalspeech parastyletts "
        "period-vits piper pits promptstyle prompttts prompttts++ sc-transfertts styletts "
        "styletts-zs styletts2 transfertts vits2"
    ),
    "voice conversion": (
        "aas-vc acdu-accent an-ssdt asr-ac balacoon-revoice bark-vc betavae-vc bnf-vc "
        "cas-accent codiff-vc conan-vc consistencyvc controlvc convert-and-speak cycleppg-xvc "
        "dddm-vc diff-hiervc diffdsr diffvc disco-speech-vc elevenlabs-vc emovox "
        "end2end-perturbation-vc ez-vc fac-facodec facodec-vc freecodec-vc freevc genvc gse-vc "
        "hubert-vc hybrid-bottleneck-vc ipac-accent knn-vc linearvc lm-vc maestro-evc "
        "make-a-voice-vc meanvc meanvc2 mixemo-vc mullivc nansy ns2vc nvc-net oneshot-adapt-vc "
        "openvoice phoneme-hallucinator pits-vc pm-evc promptvc quickvc rlvc rvc seed-vc "
        "sef-vc selfvc singlevc slmgan speech-repair speech-resynthesis speechgpt-gen-vc "
        "speechtokenizer-vc srd-vc stablevc streamvc streamvoice stylespeech-vc styletts-vc "
        "stylevc triaan-vc tts-ac uuvc vae-vc vec2wav2 vevo-timbre voicemixer voiceshop vtn-ac "
        "vvcc wav2vec-vc wav2vec2-vc winter-vc x-e-speech zest"
    ),
    "commercial": (
        "amazon-polly azure-tts azure-turbo bhashini-tts cartesia coefont deepgram-aura doubao "
        "elevenlabs gemini-tts google-chirp google-cloud-standard google-wavenet-tts "
        "gpt-4o-audio gtts macst minimax-speech nijivoice openai-tts picovoice-orca rime "
        "sarvam-bulbul silero smallest-lightning"
    ),
}
OLDER_FAMILIES: dict[str, str] = {
    "acoustic model": (
        "a2p-dubber adaspeech2 adaspeech4 attentron bvae-tts calm-tts cdfse-tts "
        "chunkwise-style-tts clapspeech coherent-tts daspeech deepvoice3 denoispeech "
        "diffspeech emosphere-tts emotional-gst-tacotron estonian-multistyle-tts fastpitch "
        "fastspeech fastspeech2 fastspeech2s fccondubber fg-transformertts ganspeech "
        "generspeech glow-tts glow-wavegan glow-wavegan2 gmvae-tacotron grad-tts hce hilvoice "
        "hpmdubbing indic-tts inflect-nano jdi-t jets lightspeech mb-vits mellotron "
        "meta-stylespeech mixed-emotions mlvae-tts msc-tts msemotts msrgcn-tts "
        "multi-scale-style-tts nautilus neural-dubber neural-hmm nore overflow parrot-tts "
        "pausespeech portaspeech priorgrad produbber salle sc-glowtts sc-stylespeech seminas "
        "speaker2dub speecht5 styledub styledubber styler stylespeech syntaspeech tacotron-gst "
        "tacotron2 tongue2speech transformer-tts v2c-net vaenar-tts vits voice-impression-tts "
        "vq-tts wsv-tts xvector-tts yourtts zero-shot-tts zmm-tts"
    ),
    "speech translation": (
        "cascaded-s2st comspeech dino-pretssel pretssel seamless-expressive seamless-m4t "
        "streamspeech translatotron translatotron2 transpeech unit-hifigan unity"
    ),
    "conversion before 2022": (
        "adain-vc again-vc autovc bnf-ac bnf-pc-ac cyclegan-vc fac-via-ppg fragmentvc mediumvc "
        "nar-seq2seq-vc ppg-gmm ppg-vc reference-free-ac s2vc seq2seq-vc tacotron2-vc "
        "transformer-vc vcc2020-t10 vcc2020-t13 vcc2020-t25 vcc2020-t29 vqmivc vqvc+"
    ),
    "vocoder": (
        "apnet audiolm bigvgan bigvsan ctx-vec2wav diffwave fastdiff freev fregrad hifi-gan "
        "hiftnet hn-usfgan infergrad istftnet melgan miipher miipher2 multiband-melgan "
        "neural-vocoder parallelwavegan periodwave specgrad univnet usfgan vocos wavefit "
        "waveflow waveglow wavegrad wavehax wavenet wavernn world"
    ),
    "editing": (
        "a3t bedit-tts campnet editspeech fluenteditor fluenteditor2 fluentspeech "
        "ming-uniaudio-edit retrievertts taste-edit"
    ),
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
