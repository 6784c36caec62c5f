"""The outlines of generated objects, in units of half of their size.

A shape is one outline, or an outline and that of its hole. Each is `[N, 2]`
points (x, y), with y down, around the centre of the object.
"""

import numpy as np


def _ellipse(width, height):
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.stack([width * np.cos(angles), height * np.sin(angles)], axis=1)


def _rectangle(width, height):
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    return np.array(corners) * (width, height)


def _star(points, depth):
    angles = np.linspace(0, 2 * np.pi, 2 * points, endpoint=False)
    radius = np.where(np.arange(2 * points) % 2 == 0, 1, depth)
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)


def _cross(arm):
    quarter = np.array([(arm, arm), (arm, 1), (-arm, 1)])
    turn = np.array([[0, 1], [-1, 0]])  # By a quarter.
    turns = [np.linalg.matrix_power(turn, number) for number in range(4)]
    return np.concatenate([quarter @ each for each in turns])


SHAPES: dict[str, list[np.ndarray]] = {
    "disc": [_ellipse(1, 1)],
    "square": [_rectangle(1, 1)],
    "bar": [_rectangle(1, 0.22)],
    "triangle": [_star(3, 0.5)],
    "cross": [_cross(0.3)],
    "ring": [_ellipse(1, 1), _ellipse(0.6, 0.6)],
    # Distractors:
    "star": [_star(5, 0.4)],
    "ellipse": [_ellipse(1, 0.45)],
}
