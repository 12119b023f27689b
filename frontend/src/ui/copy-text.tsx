import { useRef, useState } from "react";
import { Button } from "./button";

/** Text to be copied elsewhere: a link, a token. Selects it where the browser won't copy by itself. */
export function CopyText({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const copy = async () => {
    field.current?.select();
    // Only offered to pages that came by https or from this machine.
    if (!navigator.clipboard) return;
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  return (
    <div className="row tight nowrap-row">
      <input
        ref={field}
        className="input mono"
        readOnly
        value={text}
        aria-label="Text to copy"
        onFocus={(event) => event.target.select()}
      />
      <Button icon={copied ? "check" : "copy"} onClick={() => void copy()}>
        {copied ? "Copied" : "Copy"}
      </Button>
    </div>
  );
}
