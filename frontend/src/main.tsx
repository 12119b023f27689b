import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { restoreTheme } from "./lib/theme";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/parts.css";
import "./styles/frame.css";
import "./styles/pages.css";

restoreTheme();
const place = document.getElementById("root");
if (!place) throw new Error("the page has no place to go");
createRoot(place).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
