import type { Values } from "../api/types";

export interface Missing {
  name: string;
  what: string;
  tab: string;
}

/** What still has to be said before the tracks can start; the server judges by the same rules. */
export function missing(values: Values): Missing[] {
  const empty = (name: string) => values[name] === null || values[name] === undefined || values[name] === "";
  const found: Missing[] = [];
  const need = (name: string, what: string, tab: string) => {
    if (empty(name)) found.push({ name, what, tab });
  };
  if (values.kind === "warp") {
    need("warp_folder", "Warp folder", "image_data");
    return found;
  }
  need("source_path", "Location of the movies", "image_data");
  need("pixel_size_a", "Pixel size", "microscope");
  need("voltage_kv", "Voltage", "microscope");
  if (values.kind === "movies" && values.has_frames && values.dose_weighting) {
    need("dose_per_movie_e_per_a2", "Dose per movie", "microscope");
  }
  if (values.picking_method !== "none" && empty("particle_diameter_min_a")) {
    need("particle_diameter_max_a", "Particle diameter", "detection");
  }
  return found;
}
