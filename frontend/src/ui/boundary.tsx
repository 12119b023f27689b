/** What fails is told in its own place; the rest of the page goes on. */

import { useQueryClient } from "@tanstack/react-query";
import { Component, type ComponentType, lazy, type ReactNode, Suspense, useState } from "react";
import { errorText } from "../api/client";
import { PartError, patiently } from "../lib/patient";
import { Button } from "./button";
import { Note, Waiting } from "./feedback";

interface BoundaryProps {
  /** What stands here, as the beginning of a sentence: "The list of failed movies". */
  what: string;
  /** Class of the box around the message, where there is none yet. */
  box?: string;
  children: ReactNode;
}

/** Holds what its children throw while they are drawn, and offers to try again. */
export function Boundary(props: BoundaryProps) {
  const forget = useForgetting();
  return <Catcher {...props} onRetry={forget} />;
}

/** An answer that could not be drawn must not be taken from memory again. */
function useForgetting(): () => void {
  const client = useQueryClient();
  return () => {
    client.removeQueries({ type: "inactive" });
    void client.invalidateQueries();
  };
}

interface CatcherProps extends BoundaryProps {
  onRetry: () => void;
}

class Catcher extends Component<CatcherProps, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error: error ?? new Error("nothing is known of it") };
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    const retry = () => {
      this.props.onRetry();
      this.setState({ error: null });
    };
    const note = (
      <Note
        tone="bad"
        live
        action={
          <Button small icon="restart" onClick={retry}>
            Retry
          </Button>
        }
      >
        <b>{this.props.what} can't be shown.</b>{" "}
        {error instanceof PartError ? error.message : `The page failed at it: ${errorText(error)}.`} The rest
        of the page goes on, and what you changed and did not send is kept.
      </Note>
    );
    return this.props.box ? <div className={this.props.box}>{note}</div> : note;
  }
}

/** A part of the page; `ahead` begins to load it before it is shown. */
export type Part<P extends object> = ComponentType<P> & { ahead: () => void };

/** A part of the page that is loaded when it is first shown; where it does not come, that is told here. */
export function part<P extends object>(
  what: string,
  load: () => Promise<{ default: ComponentType<P> }>,
  box?: string,
): Part<P> {
  let begun: Promise<{ default: ComponentType<P> }> | undefined;
  const begin = () => {
    begun ??= patiently(load);
    return begun;
  };
  // A failure is remembered by the lazy component: trying again needs another one.
  const make = () => lazy(begin) as unknown as ComponentType<P>;
  let shared = make();
  function Shown(props: P) {
    const [Content, setContent] = useState(() => shared);
    const forget = useForgetting();
    const again = () => {
      forget();
      begun = undefined;
      shared = make();
      setContent(() => shared);
    };
    return (
      <Catcher what={what} onRetry={again} {...(box ? { box } : {})}>
        <Suspense
          fallback={
            <div className={box}>
              <Waiting />
            </div>
          }
        >
          <Content {...props} />
        </Suspense>
      </Catcher>
    );
  }
  // What fails is told where it is shown.
  return Object.assign(Shown, { ahead: () => void begin().catch(() => undefined) });
}
