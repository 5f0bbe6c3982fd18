"""The gates that a detector must pass: `python -m training.gates --help`.

They ask whether its error rates are about speech: whether statistics that have nothing to do with
synthesis give the classes away, whether harmless changes move the error, whether the splits leak,
and whether a score is the same however it is computed.
"""
