"""The installed models and their names.

Each sub-folder of the model folder that holds a card is a model. Aliases live in the cards; the
default model is the one that claims `stable`.
"""

from pathlib import Path
from threading import Lock

from veravox.detection.card import CARD_FILE, ModelCard, read_card
from veravox.detection.detector import Detector, OnnxDetector
from veravox.detection.site import adjusted, read_site_calibration
from veravox.errors import InvalidModel, UnknownModel

SHIPPED_MODELS = Path(__file__).parent / "models"
DEFAULT_ALIAS = "stable"


class ModelRegistry:
    """Finds models by id or alias, and loads each once, when first asked for. Thread-safe."""

    def __init__(self, directory: Path | None = None, calibration: Path | None = None) -> None:
        """Reads the cards in `directory`, by default those in the package; loads no weights.

        `calibration` is a file of `veravox calibrate`, in force for the model it was fitted on.
        Raises InvalidModel when a card is broken, when two models claim one name, or when none
        claims the default alias; when the calibration is broken, or of a model that is not there.
        """
        self._directory = directory or SHIPPED_MODELS
        cards = [read_card(path.parent) for path in self._directory.glob(f"*/{CARD_FILE}")]
        self._cards = sorted(_calibrated(cards, calibration), key=lambda card: card.id)
        self._names = _names(self._cards)
        self._loaded: dict[str, Detector] = {}
        self._lock = Lock()
        if DEFAULT_ALIAS not in self._names:
            raise InvalidModel(f"No installed model has the alias {DEFAULT_ALIAS!r}")

    def cards(self) -> list[ModelCard]:
        """The cards of all installed models, by id."""
        return list(self._cards)

    def card(self, name: str | None = None) -> ModelCard:
        """The card of the model with this id or alias, None for the default.

        Raises UnknownModel, naming the choices.
        """
        card = self._names.get(DEFAULT_ALIAS if name is None else name)
        if card is None:
            raise UnknownModel(f"Unknown model {name!r}; choose one of {', '.join(self._names)}")
        return card

    def resolve(self, name: str | None = None) -> Detector:
        """The loaded model with this id or alias, None for the default.

        Raises UnknownModel, naming the choices, and InvalidModel when its weights do not load.
        """
        card = self.card(name)
        with self._lock:
            if card.id not in self._loaded:
                self._loaded[card.id] = OnnxDetector(self._directory / card.id, card)
            return self._loaded[card.id]


def _calibrated(cards: list[ModelCard], calibration: Path | None) -> list[ModelCard]:
    """The cards, with the operator's calibration on that of its model."""
    if calibration is None:
        return cards
    site = read_site_calibration(calibration)
    if site.model_sha256 not in {card.sha256 for card in cards}:
        raise InvalidModel(
            f"{calibration.name}: fitted on {site.model} with the hash "
            f"{site.model_sha256[:16]}..., which is not installed; calibrate again"
        )
    return [adjusted(card, site) if card.sha256 == site.model_sha256 else card for card in cards]


def _names(cards: list[ModelCard]) -> dict[str, ModelCard]:
    names: dict[str, ModelCard] = {}
    for card in cards:
        for name in (card.id, *card.aliases):
            if name in names:
                raise InvalidModel(f"{card.id} and {names[name].id} both claim the name {name!r}")
            names[name] = card
    return names
