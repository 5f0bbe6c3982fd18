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
        "bridgetts captts-ar chatterbox chattts clam-tts colm-dsr context-emotional-tts cosyvoice "
        "cosyvoice2 cosyvoice3 cpsp-tts debatts decoupled-mtp-slm dgslm dia dialospeech "
        "disco-speech dopamine-audiobook dots-tts dubwise echox ella-v emoknob emovoice felle "
        "fireredtts fireredtts2 fish-speech fish-speech-1.5 flexicodec-tts gesture2speech gpst "
        "gpt-sovits gpt-talker higgs-audio-v3 hubert-tts incontts indextts indextts2 "
        "inworld-tts-1 inworld-tts-1-max inworld-tts-1.5-max j-moshi kall-e kani-tts koel-tts "
        "lace-tts laura-tts lina-speech livespeech livespeech2 llasa make-a-voice marco-voice "
        "mars5 maskgct melle metavoice metis mimo-audio ming-omni-tts ming-uniaudio mini-omni "
        "mooncast moshi-multistream-tts moss-tts moss-ttsd mqtts ms2kul-valle muspeaker ndu-vc "
        "neutts omnivoice orpheus palle parallel-gpt parler-tts qwen3-tts rall-e richtts rwkv-tts "
        "secousticodec-tts sled-tts socodec-tts soulx-podcast soundstorm spark-tts spear-tts "
        "speechalign speechcraft-tts speechedit-lm speechgpt speechgpt-gen speechx spon-lm-tts "
        "step-audio step-audio-editx style-talker t5-tts tacolm tadicodec-tts taste-slm tortoise "
        "transduce-and-speak uddetts uniaudio uniss unitts usdm usdm-cascaded uslm vall-e valle "
        "valle-vc valle-x vallt vevo-style vevo-tts vevo-voice vibevoice vieneu-tts voicecraft "
        "voicecraft-dub voicestar voxinstruct voxtral-tts voxtream voxtream2 vq-ctap wav2vec2-tts "
        "wescon xtts xtts_v1 xtts_v2 zonos zonos2"
    ),
    "flow matching": (
        "azure-flow-tts captts captts-nar covomix dmospeech2 dragon-fm e1-tts e2-tts emodubber "
        "f5-tts flamed-tts flespeech flexspeech flow-omni flowdubber match-ttsg matcha-tts "
        "mean-speech mega-tts3 mmstyle-vc ozspeech p-flow sf-speech speechflow stabletts "
        "supertonic voicebox zenflow zipvoice zipvoice-dialog"
    ),
    "diffusion": (
        "ardit azure-diffusion-tts bridge-tts comospeech dc-comix-tts dex-tts diff-ttsg "
        "diffgan-tts diffprosody diffstyletts diffv2s ditar ditto-tts dmn-tts dmospeech "
        "drawspeech duet durian-e e3-tts ed-tts editts emomix face-tts fastdiff-tts fastgrad-tts "
        "fdmn-tts flashspeech fvtts grad-stylespeech guided-tts guided-tts2 instructtts joycent "
        "latentspeech lightgrad lipvoicer mm-tts nanovoice naturalspeech2 naturalspeech2/3 "
        "naturalspeech3 p-flow-ddpm prodiff prompttts2 resgrad scenema-audio simple-tts "
        "simplespeech2 unicats unitspeech vit-tts voicedesigner voiceldm voicetailor voxcpm "
        "wavegrad2 zet-speech"
    ),
    "adversarial": (
        "aco-tts asr-guided-tts clone control-tts controlspeech delightfultts delightfultts2 "
        "durian-e2 elf-tts etd-tts face-stylespeech fly-tts hierspeech hierspeech++ hiervst "
        "kittentts kokoro mega-tts mega-tts2 melotts mimic3 mms-tts narsis-tts naturalspeech "
        "parameta-tts parastyletts period-vits piper pits promptspeaker promptstyle prompttts "
        "prompttts++ sc-transfertts spontts styletts styletts-zs styletts2 transfertts vits2 "
        "vosk-tts"
    ),
    "voice conversion": (
        "aas-vc acdu-accent an-ssdt aon-dsr asr-ac avhu-dsr balacoon-revoice bark-vc betavae-vc "
        "bnf-vc cas-accent claris codiff-vc conan-vc consistencyvc controlvc convert-and-speak "
        "cvaejets-vc cycleppg-xvc dddm-vc deployvc diff-hiervc diffdsr diffvc disco-speech-vc "
        "distillw2n dreamvc duta-vc dygan-vc easyvc el-sie-vc elevenlabs-vc emo-stargan emovox "
        "end2end-perturbation-vc ez-vc fac-facodec facodec-vc frame-an freecodec-vc freevc genvc "
        "gse-vc hubert-vc hybrid-bottleneck-vc hybridvc iaff-vc in-wae-vc ipac-accent "
        "iterative-asr-vc knn-vc leakfree-evc limi-vc linearvc liteswitchcodec-vc lm-vc "
        "maestro-evc main-vc make-a-voice-vc meanvc meanvc2 mixemo-vc mullivc nansy ns2vc nvc-net "
        "nwpu-aslp-anon oneshot-adapt-vc openvoice phoneme-hallucinator pits-vc pm-evc promptvc "
        "qr-vc quickvc rediffvc rlvc rvc salt seed-vc sef-vc selfvc singlevc slmgan soft-vc "
        "speech-repair speech-resynthesis speechgpt-gen-vc speechsplit2 speechtokenizer-vc srd-vc "
        "ssl-vc ssr-vc stablevc stargan-vc++ streamvc streamvoice stylebook-vc stylespeech-vc "
        "styletts-vc stylevc svq-wae-vc tokan triaan-vc tts-ac u2sanon unsuper-vc uuvc vae-vc "
        "vchangecodec-vc vec2wav2 vevo-timbre vgg-dsr voicemixer voiceshop vtn-ac vvcc wav2vec-vc "
        "wav2vec2-vc wesper winter-vc x-e-speech zest"
    ),
    "commercial": (
        "amazon-polly azure-tts azure-turbo bhashini-tts cartesia coefont deepgram-aura doubao "
        "elevenlabs fonadalabs-tts gemini-tts google-chirp google-cloud-standard "
        "google-wavenet-tts gpt-4o-audio gtts hume-octave macst minimax-speech nijivoice "
        "openai-tts picovoice-orca rime sarvam-bulbul silero smallest-lightning speechify "
        "unrealspeech yandex-speechkit"
    ),
}
OLDER_FAMILIES: dict[str, str] = {
    "acoustic model": (
        "15.ai a2p-dubber adaspeech2 adaspeech4 asr-tts-cascade attentron bvae-tts cai-tts "
        "calm-tts cdfse-tts chunkwise-style-tts clapspeech coherent-tts cvaejets daspeech dctts "
        "deepvoice3 denoispeech diffspeech durian emosphere-tts emotional-gst-tacotron emotivoice "
        "estonian-multistyle-tts fastpitch fastspeech fastspeech2 fastspeech2s fccondubber "
        "fg-transformertts fsm-tts ganspeech generspeech glados-c-net glow-tts glow-wavegan "
        "glow-wavegan2 gmvae-tacotron grad-tts hce hilvoice hpmdubbing indic-tts inflect-nano "
        "jdi-t jets laml lightspeech lip2speech-multitask lip2speech-unit lm-emotion-tts mb-vits "
        "mellotron meta-learning-tts meta-stylespeech metts mixed-emotions mlvae-tts mmv-tts "
        "moa-tts msc-tts msemotts msrgcn-tts multi-scale-style-tts nautilus neural-dubber "
        "neural-hmm nore overflow paddlespeech parrot-tts pausespeech polyglot-mtl-tts "
        "portaspeech priorgrad produbber prosospeech resound revise robo-shaul-v2 salle sane-tts "
        "sc-glowtts sc-stylespeech seminas speaker2dub speecht5 speedy-speech storytts styledub "
        "styledubber styler stylespeech sv2tts svts syntaspeech tacotron-gst tacotron2 "
        "tongue2speech transformer-tts unsuper-tts v2c-net vaenar-tts vca-gan video-tacotron "
        "vispeech vits voice-impression-tts voicevox vq-tts wsv-tts xvector-tts yourtts "
        "zero-shot-tts zmm-tts"
    ),
    "speech translation": (
        "av-transpeech cascaded-s2st comspeech dino-pretssel pretssel s2ut seamless-expressive "
        "seamless-m4t streamspeech translatotron translatotron2 transpeech unit-hifigan unity "
        "utut"
    ),
    "conversion before 2022": (
        "adain-vc again-vc agan-w2sc autovc blow blstm-w2s bnf-ac bnf-pc-ac cyclegan-vc "
        "discogan-w2s fac-via-ppg facevc fragmentvc gmm-w2s mediumvc mspec-w2s nar-seq2seq-vc "
        "ppg-gmm ppg-vc reference-free-ac s2vc seq2seq-vc speechsplit stargan-vc stargan-vc2 "
        "starganv2-vc tacotron2-vc transformer-vc vcc2020-t10 vcc2020-t13 vcc2020-t25 vcc2020-t29 "
        "vpc2022-b1 vq-wae-vc vqmivc vqvc+ wae-vc wagan-vc"
    ),
    "vocoder": (
        "apnet audiolm bigvgan bigvsan ctx-vec2wav diffwave fastdiff freev fregrad hifi-gan "
        "hiftnet hn-usfgan infergrad istftnet melgan miipher miipher2 multiband-melgan "
        "neural-vocoder parallelwavegan periodwave resemble-enhance specgrad "
        "spectrogram-inversion univnet usfgan vocos voicefixer wavefit waveflow waveglow wavegrad "
        "wavehax wavenet wavernn world"
    ),
    "editing": (
        "a3t bedit-tts campnet diffeditor editspeech fluenteditor fluenteditor2 fluentspeech "
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
