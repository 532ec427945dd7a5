"""Planets and their moons: the figures are from NASA's planetary fact sheets, which are in the public domain."""

import io
import math

import pandas


def read_planets(planets_csv):
    planets = pandas.read_csv(io.StringIO(planets_csv))
    print(f"{len(planets)} planets, the columns are {', '.join(planets.columns)}")
    return planets


def read_moons(moons_csv):
    moons = pandas.read_csv(io.StringIO(moons_csv))
    print(f"{len(moons)} moons of {moons['planet'].nunique()} planets")
    return moons


def densities(planets):
    radius_m = planets["diameter_km"] * 500.0
    volume_m3 = 4 / 3 * math.pi * radius_m**3
    planets["density_kg_m3"] = (planets["mass_1e24_kg"] * 1e24 / volume_m3).round()
    return planets[["planet", "density_kg_m3"]]


def moon_counts(moons):
    return moons.groupby("planet", as_index=False).agg(moons=("moon", "count"))


def largest_moons(moons):
    largest = moons.loc[moons.groupby("planet")["radius_km"].idxmax()]
    return largest[["planet", "moon", "radius_km"]].rename(columns={"moon": "largest_moon"})


def report(densities, moon_counts, largest_moons):
    table = densities.merge(moon_counts, on="planet", how="left").merge(largest_moons, on="planet", how="left")
    table["moons"] = table["moons"].fillna(0).astype(int)
    print(table.to_string(index=False))
    return table


def all_planets_are_there(report):
    return len(report) == 8 and report["planet"].is_unique
