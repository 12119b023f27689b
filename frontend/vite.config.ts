import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// `npm run dev` asks this server; the mock of `npm run mock` listens there too.
const server = process.env.FRAZIL_URL ?? "http://127.0.0.1:8181";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../src/frazil/web/static",
    emptyOutDir: true,
    // No data: URLs in style sheets and no inline scripts: the page's content security policy allows neither.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": { target: server, ws: true } } },
  // The tests leave nothing behind; a process for each file of them takes ten times as long.
  test: { environment: "node", include: ["src/**/*.test.{ts,tsx}"], isolate: false },
});
