import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useLayoutEffect, useRef } from "react";

interface VirtualListProps {
  count: number;
  /** Height of a row in px; all rows are alike. */
  rowHeight: number;
  height?: string;
  label: string;
  role?: string;
  rowRole?: string;
  renderRow: (index: number) => ReactNode;
  /** Keep this row in sight. */
  focus?: number | null;
  /** Rows now in sight, for loading more. */
  onRange?: (first: number, last: number) => void;
  /** Stands above the rows and stays while they scroll. */
  head?: ReactNode;
  /** Keep showing the last row while rows come in, unless somebody scrolled up. */
  follow?: boolean;
  /** Somebody scrolled up to the first row. */
  onTop?: () => void;
  /** Where the first row stands in the whole: when rows come before it, what is read stays where it is. */
  origin?: number;
}

/** Any number of rows; only those in sight exist. */
export function VirtualList(props: VirtualListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: props.count,
    getScrollElement: () => scroller.current,
    estimateSize: () => props.rowHeight,
    overscan: 8,
  });
  const items = rows.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items[items.length - 1]?.index ?? 0;
  const { onRange, focus, follow, count, rowHeight } = props;
  useEffect(() => onRange?.(first, last), [onRange, first, last]);
  useEffect(() => {
    if (focus !== null && focus !== undefined && focus < count) rows.scrollToIndex(focus, { align: "auto" });
  }, [focus, count, rows]);
  // Where the last row was in sight, it stays so.
  const atEnd = useRef(true);
  const lastTop = useRef(0);
  const note = () => {
    const { current } = scroller;
    if (!current) return;
    const { scrollTop } = current;
    atEnd.current = current.scrollHeight - scrollTop - current.clientHeight < 2 * rowHeight;
    if (scrollTop < lastTop.current && scrollTop < 2 * rowHeight && !atEnd.current) props.onTop?.();
    lastTop.current = scrollTop;
  };
  const { origin = 0 } = props;
  const before = useRef({ origin, count });
  useLayoutEffect(() => {
    const added = count - before.current.count;
    if (scroller.current && added > 0 && origin < before.current.origin) {
      scroller.current.scrollTop += added * rowHeight;
    }
    before.current = { origin, count };
  }, [origin, count, rowHeight]);
  useEffect(() => {
    if (follow) atEnd.current = true;
  }, [follow]);
  useEffect(() => {
    if (follow && count && atEnd.current) rows.scrollToIndex(count - 1, { align: "end" });
  }, [follow, count, rows]);
  return (
    <section
      ref={scroller}
      className="virtual"
      style={{ height: props.height ?? "100%" }}
      aria-label={props.label}
      onScroll={note}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
    >
      {props.head}
      <div className="virtual-space" role={props.role} style={{ height: rows.getTotalSize() }}>
        {items.map((item) => (
          <div
            key={item.key}
            className="virtual-row"
            role={props.rowRole}
            style={{ height: item.size, transform: `translateY(${item.start}px)` }}
          >
            {props.renderRow(item.index)}
          </div>
        ))}
      </div>
    </section>
  );
}
