import { useState } from "react";
import { Icon } from "./icon";

/**
 * A picture from the server in a box that keeps its place while it loads, and says so if there is none.
 * `version` changes when the picture does, so that an old one is never shown.
 */
export function Picture(props: {
  src: string;
  alt: string;
  /** Width ÷ height of the box. */
  ratio?: number;
  eager?: boolean;
  className?: string;
}) {
  const [failed, setFailed] = useState<string | null>(null);
  const ratio = props.ratio ?? 1;
  return (
    <div className={`picture ${props.className ?? ""}`} style={{ aspectRatio: String(ratio) }}>
      {failed === props.src ? (
        <span className="picture-missing">
          <Icon name="info" />
          no picture yet
        </span>
      ) : (
        <img
          src={props.src}
          alt={props.alt}
          loading={props.eager ? "eager" : "lazy"}
          decoding="async"
          draggable={false}
          onError={() => setFailed(props.src)}
        />
      )}
    </div>
  );
}
