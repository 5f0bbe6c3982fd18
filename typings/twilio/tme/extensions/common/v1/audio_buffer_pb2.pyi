from google.protobuf.message import Message

class AudioBuffer(Message):
    format: str
    channels: int
    rate: int
    buffer: bytes
