import { describe, expect, it } from "vitest";
import { cell, cellWithUnit, heading } from "./columns";
import { ago, bytes, clock, count, duration, plural, shortCount, significant } from "./format";

describe("numbers as an expert says them", () => {
  it("groups counts and says nothing about missing ones", () => {
    expect(count(1204)).toBe("1,204");
    expect(count(null)).toBe("–");
    expect(count(Number.NaN)).toBe("–");
    expect(shortCount(214330)).toBe("214,330");
    expect(shortCount(1_240_000)).toBe("1.24 M");
    expect(plural(1, "movie")).toBe("1 movie");
    expect(plural(1204, "movie")).toBe("1,204 movies");
  });

  it("keeps the digits that mean something", () => {
    expect(significant(0.01234)).toBe("0.0123");
    expect(significant(12.34)).toBe("12.3");
    expect(significant(1234.5)).toBe("1,235");
    expect(significant(0)).toBe("0");
    expect(significant(1.5e-7)).toBe("1.50e-7");
  });

  it("writes bytes as disks are sold", () => {
    expect(bytes(850)).toBe("850 B");
    expect(bytes(12_400_000)).toBe("12.4 MB");
    expect(bytes(1.31e12)).toBe("1.31 TB");
    expect(bytes(999_600)).toBe("1.00 MB");
  });

  it("writes durations in the unit a person would use", () => {
    expect(duration(0.24)).toBe("0.2 s");
    expect(duration(40)).toBe("40 s");
    expect(duration(12 * 60)).toBe("12 min");
    expect(duration(3.5 * 3600)).toBe("3.5 h");
    expect(duration(2.1 * 86400)).toBe("2.1 days");
    expect(ago(1000, 1040)).toBe("40 s ago");
    expect(ago(1100, 1040)).toBe("just now");
  });

  it("adds the date to a time of another day", () => {
    const noon = new Date(2026, 1, 3, 12, 5).getTime() / 1000;
    expect(clock(noon, noon + 60)).toBe("12:05");
    expect(clock(noon, noon + 86400)).toBe("2026-02-03 12:05");
  });
});

describe("columns", () => {
  const column = (name: string, kind: "number" | "integer" | "text", label: string, unit: string) => ({
    name,
    kind,
    group: "CTF",
    label,
    unit,
  });
  it("shows defocus in micrometres and resolution in Å", () => {
    const defocus = column("defocus_mean_a", "number", "Defocus", "Å");
    expect(cellWithUnit(defocus, 14_200)).toBe("1.42 µm");
    expect(heading(defocus)).toBe("Defocus (µm)");
    expect(cellWithUnit(column("ctf_resolution_a", "number", "CTF resolution", "Å"), 3.58)).toBe("3.6 Å");
    expect(cellWithUnit(column("class_yield", "number", "Class yield", ""), 0.62)).toBe("62%");
    expect(cellWithUnit(column("particles", "integer", "Particles", ""), 1312)).toBe("1,312");
    expect(cell(defocus, null)).toBe("–");
  });
});
