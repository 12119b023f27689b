/** Icons, drawn here so that the page needs no font. */

const PATHS = {
  alert: "M12 4 2.500 20h19L12 4Zm0 6v5m0 2.600v.01",
  arrowLeft: "M19 12H5m6-7-7 7 7 7",
  arrowRight: "M5 12h14m-6-7 7 7-7 7",
  arrowUp: "M12 19V5m-7 6 7-7 7 7",
  check: "m4 12.500 5.500 5.500L20 7",
  chevron: "m6 9 6 6 6-6",
  clear:
    "M20 20H9l-5.500-5.500a2 2 0 0 1 0-2.800L12 3.200a2 2 0 0 1 2.800 0l6 6a2 2 0 0 1 0 2.800L13 20M8 7.500l8.500 8.500",
  close: "m5 5 14 14M19 5 5 19",
  copy: "M8 8h12v12H8zM4 16V4h12",
  download: "M12 4v11m-5-4 5 5 5-5M4 20h16",
  file: "M6 3h8l5 5v13H6zM14 3v5h5",
  folder: "M3 6h6l2 2h10v11H3z",
  archive: "M3 4h18v5H3zM5 9v11h14V9M10 13h4",
  help: "M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18Zm-2.700-11.500a2.700 2.700 0 1 1 3.900 2.400c-.8.4-1.200.9-1.200 1.700v.4m0 3v.01",
  info: "M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18Zm0-10v6m0-9.500v.01",
  key: "M14.500 3.500a6 6 0 1 0 0 12 6 6 0 0 0 0-12ZM10 14l-7 7m3-3 3 3",
  link: "M10 14a4.500 4.500 0 0 0 6.400 0l3.300-3.300a4.500 4.500 0 0 0-6.400-6.400L12 5.600M14 10a4.500 4.500 0 0 0-6.400 0l-3.300 3.300a4.500 4.500 0 0 0 6.400 6.400l1.300-1.300",
  list: "M4 6h16M4 12h16M4 18h16",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500Z",
  pause: "M8 5v14M16 5v14",
  play: "M7 4.500v15l12-7.500z",
  plus: "M12 5v14M5 12h14",
  restart: "M4 12a8 8 0 1 0 2.500-5.800M4 4v5h5",
  search: "M10.500 17a6.500 6.500 0 1 1 0-13 6.500 6.500 0 0 1 0 13Zm5-2 5.500 5.500",
  server: "M4 4h16v7H4zM4 13h16v7H4zM8 7.500v.01M8 16.500v.01",
  snow: "M12 3v18M4.200 7.500l15.600 9M19.800 7.500l-15.600 9M9.500 4.500 12 7l2.500-2.500M9.500 19.500 12 17l2.500 2.500",
  stop: "M6 6h12v12H6z",
  sun: "M12 16a4 4 0 1 1 0-8 4 4 0 0 1 0 8Zm0-14v2m0 16v2M2 12h2m16 0h2M5 5l1.500 1.500m11 11L19 19M19 5l-1.500 1.500m-11 11L5 19",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 14h10l1-14M10 11v6M14 11v6",
  upload: "M12 16V5M7 9l5-5 5 5M4 20h16",
  user: "M12 12a4.500 4.500 0 1 1 0-9 4.500 4.500 0 0 1 0 9Zm-8.500 9c.8-4 4-6 8.500-6s7.700 2 8.500 6",
  users:
    "M9 12a4 4 0 1 1 0-8 4 4 0 0 1 0 8Zm-7 8c.6-3.500 3.200-5.200 7-5.200s6.400 1.700 7 5.200M15.500 4.500a4 4 0 0 1 0 7M18 15.200c2.200.7 3.600 2.300 4 4.800",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      className="icon"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={2}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
