// Keeps only the visible rows of a long list in the document.
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';

/** Rows rendered beyond each edge, so that scrolling never shows a gap. */
const overscan = 6;

export interface RowWindow {
  readonly first: number;
  /** One past the last row. */
  readonly end: number;
}

function windowOf(viewport: HTMLElement, rowHeight: number): RowWindow {
  // Counted in whole blocks of rows, so that most scroll events change nothing.
  const top = Math.floor(viewport.scrollTop / rowHeight / overscan) * overscan;
  const rows = Math.ceil(viewport.clientHeight / rowHeight / overscan) * overscan;
  return { first: Math.max(0, top - overscan), end: top + rows + 2 * overscan };
}

/** The rows to render in a viewport, updated as it is scrolled and resized. */
export function useRowWindow(
  viewport: RefObject<HTMLElement | null>,
  rowHeight: number,
): RowWindow {
  const [rows, setRows] = useState<RowWindow>({ first: 0, end: 5 * overscan });
  useLayoutEffect(() => {
    const element = viewport.current;
    if (element === null) return undefined;
    const update = (): void => {
      const next = windowOf(element, rowHeight);
      setRows((now) => (now.first === next.first && now.end === next.end ? now : next));
    };
    update();
    const resize = new ResizeObserver(update);
    resize.observe(element);
    element.addEventListener('scroll', update, { passive: true });
    return () => {
      resize.disconnect();
      element.removeEventListener('scroll', update);
    };
  }, [viewport, rowHeight]);
  return rows;
}

/** Scrolls just far enough to show the whole row below the list's header. */
export function scrollToRow(
  viewport: HTMLElement,
  index: number,
  rowHeight: number,
  headerHeight: number,
): void {
  const top = index * rowHeight;
  const bottom = top + rowHeight + headerHeight;
  if (top < viewport.scrollTop) viewport.scrollTop = top;
  else if (bottom > viewport.scrollTop + viewport.clientHeight) {
    viewport.scrollTop = bottom - viewport.clientHeight;
  }
}

/** True while a media query matches. */
export function useMedia(query: string): boolean {
  const [holds, setHolds] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const onChange = (): void => setHolds(list.matches);
    list.addEventListener('change', onChange);
    return () => list.removeEventListener('change', onChange);
  }, [query]);
  return holds;
}
