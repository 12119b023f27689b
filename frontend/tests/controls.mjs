/**
 * Lists every control in the sources of the page: what can be pressed, switched, chosen or written in, and by which words.
 *
 * Prints JSON: [{ file, line, kind, names }], where a name has `*` for what is only known while it runs.
 * Windows are listed by their titles, too. Components of `src/ui` take their words from whoever uses them, so that the users are listed, not they.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";

const SOURCES = new URL("../src", import.meta.url).pathname;
const KINDS = {
  button: "button",
  Button: "button",
  a: "link",
  Link: "link",
  Item: "link",
  summary: "summary",
  select: "select",
  SelectField: "select",
  CheckField: "checkbox",
  TextField: "text",
  FileField: "text",
  textarea: "text",
  Segments: "button",
  Tabs: "tab",
};
const INPUTS = { checkbox: "checkbox", radio: "radio", range: "slider", file: undefined, hidden: undefined };
const SEVERAL = { Segments: "choices", Tabs: "tabs" };

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (entry.name.endsWith(".tsx") && !entry.name.includes(".test.")) yield path;
  }
}

/** Constants of one file, by name. */
function constants(source) {
  const found = new Map();
  const visit = (node) => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer) {
      found.set(node.name.text, node.initializer);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const join2 = (left, right) => left.flatMap((a) => right.map((b) => a + b));

/** What an expression may say. */
function words(node, known, depth = 0) {
  if (!node || depth > 4) return ["*"];
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return [node.text];
  if (ts.isJsxExpression(node)) return node.expression ? words(node.expression, known, depth) : [""];
  if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node)) return words(node.expression, known, depth);
  if (ts.isTemplateExpression(node)) {
    return node.templateSpans.reduce(
      (all, span) => join2(join2(all, words(span.expression, known, depth)), [span.literal.text]),
      [node.head.text],
    );
  }
  if (ts.isConditionalExpression(node)) {
    return [node.whenTrue, node.whenFalse].flatMap((part) => words(part, known, depth));
  }
  if (ts.isBinaryExpression(node)) {
    const kind = node.operatorToken.kind;
    if (kind === ts.SyntaxKind.AmpersandAmpersandToken) return ["", ...words(node.right, known, depth)];
    if (kind === ts.SyntaxKind.PlusToken) return join2(words(node.left, known, depth), words(node.right, known, depth));
    return [node.left, node.right].flatMap((part) => words(part, known, depth));
  }
  if (ts.isIdentifier(node)) {
    const value = known.get(node.text);
    return value && value !== node ? words(value, known, depth + 1) : ["*"];
  }
  if (node.kind === ts.SyntaxKind.NullKeyword) return [""];
  if (ts.isJsxElement(node)) return textOf(node.children, known, depth);
  if (ts.isJsxSelfClosingElement(node)) return [""];
  if (ts.isJsxFragment(node)) return textOf(node.children, known, depth);
  return ["*"];
}

function textOf(children, known, depth = 0) {
  return children.reduce(
    (all, child) =>
      join2(all, ts.isJsxText(child) ? [child.text.replace(/\s+/g, " ")] : words(child, known, depth)),
    [""],
  );
}

/** Second word of each pair of a list of choices. */
function choices(node, known) {
  let list = ts.isJsxExpression(node) ? node.expression : node;
  while (list && (ts.isAsExpression(list) || ts.isSatisfiesExpression?.(list))) list = list.expression;
  if (list && ts.isIdentifier(list)) return known.has(list.text) ? choices(known.get(list.text), known) : [["*"]];
  if (!list || !ts.isArrayLiteralExpression(list)) return [["*"]];
  return list.elements.map((pair) => {
    const inner = ts.isAsExpression(pair) ? pair.expression : pair;
    return ts.isArrayLiteralExpression(inner) ? words(inner.elements[1], known) : ["*"];
  });
}

const tidy = (name) => name.replace(/\*[\s*]*\*/g, "*").replace(/\s+/g, " ").trim();

function* controls(path) {
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const known = constants(source);
  const found = [];
  const visit = (node) => {
    const opening = ts.isJsxElement(node) ? node.openingElement : ts.isJsxSelfClosingElement(node) ? node : null;
    if (opening) found.push([node, opening]);
    ts.forEachChild(node, visit);
  };
  visit(source);
  for (const [node, opening] of found) {
    const tag = opening.tagName.getText();
    const given = new Map(
      opening.attributes.properties.filter(ts.isJsxAttribute).map((one) => [one.name.getText(), one.initializer]),
    );
    const say = (name) => words(given.get(name), known);
    let kind = KINDS[tag];
    if (tag === "input") {
      const type = given.has("type") ? say("type")[0] : "text";
      kind = type in INPUTS ? INPUTS[type] : "text";
    }
    if (given.has("title") && given.has("onClose")) kind = "window";
    if (!kind && given.has("label") && given.has("onChange")) kind = "field";
    if (!kind && given.has("onClick")) kind = "place";
    if (!kind || (tag === "Item" && !given.has("to"))) continue;
    const line = source.getLineAndCharacterOfPosition(opening.getStart()).line + 1;
    const lead = { file: relative(SOURCES, path), line };
    if (SEVERAL[tag]) {
      for (const names of choices(given.get(SEVERAL[tag]), known)) {
        yield { ...lead, kind, names: join2(join2(say("label"), [": "]), names).map(tidy) };
      }
      continue;
    }
    const own = kind === "window"
      ? say("title")
      : given.has("aria-label")
      ? say("aria-label")
      : given.has("label")
        ? say("label")
        : ts.isJsxElement(node) && tag !== "select"
          ? textOf(node.children, known)
          : ["*"];
    yield { ...lead, kind, names: [...new Set(own.map(tidy))] };
  }
}

const listed = [...files(SOURCES)]
  .filter((path) => !relative(SOURCES, path).startsWith("ui/"))
  .flatMap((path) => [...controls(path)]);
process.stdout.write(`${JSON.stringify(listed, null, 1)}\n`);
