import { type ReactNode, useState } from "react";
import { useKeys } from "./lib/keyboard";
import { useLogOut } from "./lib/log-out";
import { useMe } from "./lib/me";
import { usePath } from "./lib/router";
import { setTheme, useTheme } from "./lib/theme";
import { useServer } from "./pages/server/use-server";
import { AwayNote } from "./ui/away-note";
import { Button } from "./ui/button";
import { Dialog } from "./ui/dialog";
import { Icon, type IconName } from "./ui/icon";
import { Link } from "./ui/link";

export function Frame({ children }: { children: ReactNode }) {
  const [help, setHelp] = useState(false);
  useKeys({ "?": () => setHelp(true) });
  return (
    <div className="frame">
      <a className="skip" href="#content">
        To the content
      </a>
      <Rail onHelp={() => setHelp(true)} />
      <main id="content">{children}</main>
      <AwayNote />
      {help ? <KeyHelp onClose={() => setHelp(false)} /> : null}
    </div>
  );
}

function Rail({ onHelp }: { onHelp: () => void }) {
  const me = useMe();
  const theme = useTheme();
  const server = useServer();
  const logOut = useLogOut();
  return (
    <nav className="rail" aria-label="Main">
      <Link className="brand" to="/sessions" title={server.data?.microscope_name || "Frazil"}>
        <Icon name="snow" />
        <span className="name">{server.data?.microscope_name || "Frazil"}</span>
      </Link>
      <Item to="/sessions" icon="list" label="Sessions" />
      {me.is_admin ? <Item to="/people" icon="users" label="Users and groups" short="People" /> : null}
      {me.user_id === null ? null : <Item to="/server" icon="server" label="Server" />}
      <div className="space" />
      <button type="button" className="item" onClick={() => setTheme(theme === "dark" ? "light" : "dark")}>
        <Icon name={theme === "dark" ? "sun" : "moon"} />
        {theme === "dark" ? "Light" : "Dark"}
      </button>
      <button type="button" className="item desktop" onClick={onHelp}>
        <Icon name="help" />
        Keys
      </button>
      {me.user_id === null ? null : <Item to="/profile" icon="user" label={me.login} short="Profile" />}
      {me.user_id === null ? null : (
        <button type="button" className="item desktop" onClick={logOut}>
          <Icon name="arrowRight" />
          Log out
        </button>
      )}
    </nav>
  );
}

function Item(props: { to: string; icon: IconName; label: string; short?: string }) {
  const path = usePath();
  const here = path === props.to || path.startsWith(`${props.to}/`);
  return (
    <Link className="item" to={props.to} aria-current={here ? "page" : undefined} title={props.label}>
      <Icon name={props.icon} />
      <span className="truncate long">{props.label}</span>
      <span className="brief">{props.short ?? props.label}</span>
    </Link>
  );
}

const HELP: readonly (readonly [string, string])[] = [
  ["← →", "previous, next (micrograph, class)"],
  ["Home End", "first, last"],
  ["↑ ↓", "choose a row of the table, a line of the gallery"],
  ["Enter", "open the chosen micrograph"],
  ["Tab ← →", "the points of a plot, one by one; Enter opens the micrograph"],
  ["l", "live: follow the newest micrograph"],
  ["c", "include the micrograph, then next"],
  ["x", "exclude it, then next"],
  ["e", "edit the particles of a micrograph; z takes the last click back"],
  ["/", "search"],
  ["Esc", "close a window"],
  ["?", "this help"],
];

function KeyHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose} foot={<Button onClick={onClose}>Close</Button>}>
      <dl className="keyvalue">
        {HELP.map(([keys, meaning]) => (
          <div className="keyvalue-row" key={keys}>
            <dt>
              {keys.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
