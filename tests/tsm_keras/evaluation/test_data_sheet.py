import cv2
import numpy as np

from tsm_keras.evaluation.data_sheet import data_sheet


def test_the_sheet_shows_every_frame_and_class():
    """Each frame is one colour, which must be found in the picture."""
    colors = np.random.default_rng(0).integers(0, 256, (3, 4, 3), np.uint8)
    clips = np.broadcast_to(colors[:, :, None, None], (3, 4, 16, 16, 3)).copy()
    counts, names = (5, 0, 9), ("$a$", "b", "<c>")
    png = data_sheet(clips, ["one", "two", "$three"], counts, names)
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    pixels = {tuple(pixel) for pixel in picture.reshape(-1, 3)[:, ::-1]}
    assert {tuple(color) for color in colors.reshape(-1, 3)} <= pixels
    assert data_sheet(clips, ["one", "two", "$three"], counts, names) == png
    taller = data_sheet(clips[:2], ["one", "two"], counts, names)
    other = cv2.imdecode(np.frombuffer(taller, np.uint8), cv2.IMREAD_COLOR)
    assert other.shape[0] < picture.shape[0]
