// Runs in every page of a test before the page itself: tells, by messages of the console, which controls were
// there to be used, and which were used. A message needs no answer, so that a page that ends loses none.
(() => {
  const CONTROLS =
    "button, a[href], summary, select, textarea, input:not([type=hidden], [type=file], [readonly]), [role=slider]";
  const LEAD = "control of a page:";
  const told = new Set();

  const tidy = (text) => (text ?? "").replace(/\s+/g, " ").trim();

  // One control each, whatever it says: who one is, which microscope this is, the rows of a list.
  const OWN_WORDS = {
    ".brand": "brand",
    "a[href='/profile']": "Profile",
    ".tile": "tile of a micrograph",
    ".point-walk": "points of a plot",
    ".log-line": "line of a log",
    ".file-entry": "entry of a folder",
    ".crumbs span button": "folder above",
    ".card-name, .session-name a": "name of a session",
    ".note a": "session of an alert",
    ".column-groups input": "column",
    // Made of the schema by one component each; a test of its own goes through all of them.
    ".setting-grid select": "choice of a setting",
    ".setting-grid input[type=checkbox]": "switch of a setting",
    ".setting-grid input": "text of a setting",
    // A filter's, of any column.
    ".range-chip input[aria-label$='at least']": "lowest of a range",
    ".range-chip input[aria-label$='at most']": "highest of a range",
    ".range-chip button": "remove a condition",
  };

  const nameOf = (element) => {
    for (const [which, words] of Object.entries(OWN_WORDS)) if (element.matches(which)) return words;
    // A heading says by an arrow, too, how it sorts.
    if (element.matches("nav[aria-label=Main] a, th button")) return tidy(element.title);
    const by = element.getAttribute("aria-labelledby");
    const own =
      element.getAttribute("aria-label") ?? (by ? document.getElementById(by)?.textContent : null);
    if (own) return tidy(own);
    if (element.matches("input, select")) {
      // A label around a choice holds the words of all choices, too.
      const label = [...(element.labels ?? [])].map((one) => {
        const copy = one.cloneNode(true);
        for (const choice of copy.querySelectorAll("select, input, textarea")) choice.remove();
        return copy.textContent;
      });
      return tidy(label.join(" ") || element.title);
    }
    const picture = element.querySelector("img[alt], [role=img][aria-label]");
    // What the button that copies says once it has.
    if (tidy(element.textContent) === "Copied") return "Copy";
    return tidy(element.textContent || picture?.alt || picture?.getAttribute("aria-label") || element.title);
  };

  const kindOf = (element) => {
    const role = element.getAttribute("role");
    if (role) return role;
    const tag = element.tagName.toLowerCase();
    if (tag === "a") return "link";
    if (tag === "textarea") return "text";
    if (tag !== "input") return tag;
    return { range: "slider", checkbox: "checkbox", radio: "radio" }[element.type] ?? "text";
  };

  const placeOf = (element) => {
    if (element.closest(".setting-grid, details:has(.hidden-settings)")) return "field of the settings";
    if (element.closest("[aria-label='Jobs of 2D classification']")) return "jobs of 2D classification";
    const window = element.closest("dialog");
    if (window) return `window "${nameOf(window)}"`;
    if (element.closest("nav[aria-label=Main], .skip")) return "rail";
    if (element.closest("main.login form")) return "login, at any address";
    if (element.closest(".session-head")) return "head of a session";
    if (element.closest("search[aria-label=Filter]")) return "filter";
    if (element.closest(".toasts, .note")) return "note";
    return location.pathname;
  };

  const tell = (what, element) => {
    const group = element.closest("[role=group][aria-label], [role=tablist][aria-label]");
    const item = JSON.stringify({
      what,
      place: placeOf(element),
      kind: kindOf(element),
      group: group ? tidy(group.getAttribute("aria-label")) : "",
      name: nameOf(element),
    });
    if (told.has(item)) return;
    told.add(item);
    console.debug(`${LEAD}${item}`);
  };

  const usable = (element) =>
    element.checkVisibility({ visibilityProperty: true }) && !element.disabled && !element.closest("[inert]");

  const look = () => {
    for (const element of document.querySelectorAll(CONTROLS)) if (usable(element)) tell("seen", element);
  };

  let waits = false;
  const lookSoon = () => {
    if (waits) return;
    waits = true;
    setTimeout(() => {
      waits = false;
      look();
    }, 150);
  };

  const used = (event) => {
    const from = event.target instanceof Element ? event.target : null;
    const element = from?.closest(CONTROLS);
    if (!element) return;
    // Text is used by writing, not by a click into it; a label passes its click on to what it names.
    if (event.type === "click" && (kindOf(element) === "text" || (element.matches("select, input") && !event.isTrusted))) {
      return;
    }
    tell("used", element);
  };
  for (const type of ["click", "input", "change", "keydown"]) {
    document.addEventListener(
      type,
      (event) => {
        if (type !== "keydown") used(event);
        // Arrow keys move a slider that is not an input.
        else if (event.target instanceof Element && event.target.matches("[role=slider]")) used(event);
      },
      { capture: true },
    );
  }
  const begin = () => {
    new MutationObserver(lookSoon).observe(document, {
      subtree: true,
      childList: true,
      attributes: true,
      attributeFilter: ["disabled", "open", "hidden"],
    });
    lookSoon();
  };
  if (document.documentElement) begin();
  else document.addEventListener("readystatechange", begin, { once: true });
})();
