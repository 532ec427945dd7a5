"""Comes along with a function that imports it."""

import pathlib


def scale(value):
    return value * int(pathlib.Path(__file__).with_name("factor.txt").read_text())
