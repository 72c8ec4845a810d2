// Small components that several pages use.
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { MachineStateName } from '../../model/machine.ts';
import { formatAge, isoOf } from './format.ts';
import type { Liveness } from '../list/rows/row.ts';

export function StatePill({
  state,
  title,
}: {
  state: MachineStateName;
  title?: string | undefined;
}) {
  return (
    <span class={`pill state-${state.toLowerCase()}`} title={title}>
      {state}
    </span>
  );
}

export function LivenessMark({ liveness }: { liveness: Liveness }) {
  return (
    <span class={`liveness ${liveness}`}>
      <span class="dot" aria-hidden="true" />
      {liveness === 'unheard' ? 'not heard' : liveness}
    </span>
  );
}

/** The current time, updated every second for whatever shows an age. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

interface AgeProps {
  readonly atMs: number | undefined;
  /** The current time by the server's clock. */
  readonly nowMs: number;
  /** For use in a sentence: "5 s ago". */
  readonly ago?: boolean;
}

/** The age of something, with the exact time as a tooltip. A time that is NaN was stored, and is none. */
export function Age({ atMs, nowMs, ago = false }: AgeProps) {
  if (atMs === undefined) return <span class="quiet">never</span>;
  const iso = isoOf(atMs);
  if (iso === undefined) return <span class="quiet">unreadable</span>;
  const age = formatAge(nowMs - atMs);
  return (
    <time dateTime={iso} title={iso}>
      {ago && age !== 'now' ? `${age} ago` : age}
    </time>
  );
}

interface NoticeProps {
  readonly kind: 'error' | 'empty' | 'busy';
  readonly title: string;
  readonly children?: ComponentChildren;
}

/** Stands in for content that is empty, still loading, or failed to load. */
export function Notice({ kind, title, children }: NoticeProps) {
  return (
    <div class={`notice ${kind}`} role={kind === 'error' ? 'alert' : 'status'}>
      {kind === 'busy' && <span class="spinner" aria-hidden="true" />}
      <strong>{title}</strong>
      {children !== undefined && <div>{children}</div>}
    </div>
  );
}

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** A modal dialog. The browser keeps the focus inside and closes it on Escape. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const isGone = useRef(false);
  useLayoutEffect(() => {
    const { current } = ref;
    const opener = document.activeElement;
    current?.showModal();
    return () => {
      isGone.current = true;
      // As long as it is modal nothing behind it takes the focus.
      current?.close();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      aria-label={title}
      onCancel={(event) => {
        // Escape. Were the browser to close it, the page would hear of that only after keys that were pressed since.
        if (event.target !== ref.current) return;
        event.preventDefault();
        onClose();
      }}
      onClose={() => {
        if (!isGone.current) onClose();
      }}
      onClick={(event) => {
        if (event.target === ref.current) onClose();
      }}
    >
      <div class="dialog-body">
        <h2>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

/** `most`: of more than these the rest are counted, and named as a tooltip. */
export function Tags({ tags, most }: { tags: readonly string[]; most: number }) {
  const left = tags.slice(most);
  return (
    <span class="tags" title={left.length > 0 ? tags.join(', ') : undefined}>
      {tags.slice(0, most).map((tag) => (
        <span key={tag} class="tag">
          {tag}
        </span>
      ))}
      {left.length > 0 && <span class="tag more-tags">+{left.length}</span>}
    </span>
  );
}

interface CardProps {
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Card({ title, aside, children }: CardProps) {
  return (
    <section class="card" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {aside !== undefined && <div class="aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}
