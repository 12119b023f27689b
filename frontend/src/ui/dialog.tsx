import { type FormEvent, type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { createPortal } from "react-dom";
import { Button } from "./button";

interface DialogProps {
  title: string;
  children: ReactNode;
  /** Buttons at the bottom. */
  foot?: ReactNode;
  wide?: boolean;
  onClose: () => void;
  /** Called by Enter in a field and by a button of type submit. */
  onSubmit?: () => void;
}

/** A window over the page; Escape closes it and the focus goes back to where it was. */
export function Dialog({ title, children, foot, wide, onClose, onSubmit }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  // Closed before it is taken away, so that the browser gives the focus back.
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
    return () => element?.close();
  }, []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // A window opened from this one belongs to it for React, but its Enter is its own.
    event.stopPropagation();
    onSubmit?.();
  };
  return createPortal(
    <dialog
      ref={dialog}
      className={wide ? "wide" : ""}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        event.stopPropagation();
        onClose();
      }}
    >
      <form onSubmit={submit} noValidate>
        <div className="dialog-head">
          <h2 id={heading}>{title}</h2>
          <Button look="quiet" icon="close" aria-label="Close" onClick={onClose} />
        </div>
        <div className="dialog-body">{children}</div>
        {foot ? <div className="dialog-foot">{foot}</div> : null}
      </form>
    </dialog>,
    document.body,
  );
}
