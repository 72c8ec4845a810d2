// The field of a template's text: its lines numbered, the one at fault marked, and what may follow at the caret.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Completion } from '../../../model/search/complete.ts';
import type { Fault } from '../template-text.ts';
import { completeTemplate } from './complete.ts';
import { useVocabulary } from './use-vocabulary.ts';

interface EditorProps {
  readonly text: string;
  readonly fault: Fault | undefined;
  readonly readOnly: boolean;
  readonly onChange: (text: string) => void;
}

/** Suggestions that are shown at once. */
const most = 12;

/** The suggestions at the caret, and what becomes of the text when one is taken. */
function useCompletion({ text, onChange }: Pick<EditorProps, 'text' | 'onChange'>) {
  const vocabulary = useVocabulary();
  const field = useRef<HTMLTextAreaElement>(null);
  /** Where the caret is while suggestions are shown. */
  const [caret, setCaret] = useState<number | undefined>();
  const [active, setActive] = useState(-1);
  const next = useRef<number | undefined>(undefined);
  const {
    from,
    to,
    suggestions: all,
  }: Completion = caret === undefined
    ? { from: 0, to: 0, suggestions: [] }
    : completeTemplate(text, caret, vocabulary);
  const suggestions = all.slice(0, most);

  useLayoutEffect(() => {
    if (next.current === undefined) return;
    field.current?.setSelectionRange(next.current, next.current);
    next.current = undefined;
  }, [text]);

  const open = (at: number | undefined): void => {
    setCaret(at);
    setActive(-1);
  };
  const take = (index: number): void => {
    const term = suggestions[index]?.term;
    if (term === undefined) return;
    const before = text.slice(0, from) + term;
    next.current = before.length;
    // The values of a field follow its name.
    open(term.endsWith(': ') ? before.length : undefined);
    onChange(before + text.slice(to));
    field.current?.focus();
  };
  /** Only a word that is begun, or a value, is completed unasked. */
  const type = (typed: string, at: number): void => {
    const line = typed.slice(typed.lastIndexOf('\n', at - 1) + 1, at);
    open(/\w$|^ *(?:- +)?\w+: +$|\{\{ *$/.test(line) ? at : undefined);
    onChange(typed);
  };
  const move = (steps: number): void => {
    const count = suggestions.length + 1;
    setActive(((active + 1 + steps + count) % count) - 1);
  };
  return { field, suggestions, from, active, open, take, type, move };
}

export function Editor({ text, fault, readOnly, onChange }: EditorProps) {
  const numbers = useRef<HTMLOListElement>(null);
  const [scroll, setScroll] = useState({ left: 0, top: 0 });
  const completion = useCompletion({ text, onChange });
  const { field, suggestions, from, active, open, take, type, move } = completion;
  const isOpen = suggestions.length > 0;
  const count = text.split('\n').length;
  const line = fault?.line;
  const keys: Readonly<Record<string, () => void>> = {
    'Ctrl+ ': () => open(field.current?.selectionStart),
    ...(isOpen && {
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      Escape: () => open(undefined),
      Tab: () => take(Math.max(0, active)),
    }),
    ...(active >= 0 && { Enter: () => take(active) }),
  };
  return (
    <div class="editor">
      <ol ref={numbers} aria-hidden="true">
        {Array.from({ length: count }, (_, i) => (
          <li key={i} class={i + 1 === line ? 'at-fault' : ''}>
            {i + 1}
          </li>
        ))}
      </ol>
      <div class="editor-field">
        <textarea
          ref={field}
          name="template"
          aria-label="Template, as YAML"
          aria-invalid={fault !== undefined}
          aria-describedby="template-fault"
          aria-autocomplete="list"
          aria-controls={isOpen ? 'template-suggestions' : undefined}
          aria-activedescendant={active < 0 ? undefined : `template-suggestion-${String(active)}`}
          spellcheck={false}
          autoComplete="off"
          wrap="off"
          rows={Math.min(28, Math.max(12, count + 1))}
          readOnly={readOnly}
          value={text}
          onInput={({ currentTarget: { value, selectionStart } }) => type(value, selectionStart)}
          onBlur={() => open(undefined)}
          onClick={() => open(undefined)}
          onKeyDown={(event) => {
            const name = `${event.ctrlKey ? 'Ctrl+' : ''}${event.key}`;
            if (readOnly || event.shiftKey || !Object.hasOwn(keys, name)) return;
            event.preventDefault();
            event.stopPropagation();
            keys[name]?.();
          }}
          onScroll={({ currentTarget: { scrollLeft, scrollTop } }) => {
            if (numbers.current !== null) numbers.current.scrollTop = scrollTop;
            setScroll({ left: scrollLeft, top: scrollTop });
          }}
        />
        {isOpen && (
          <Suggestions
            suggestions={suggestions}
            active={active}
            place={placeOf(text, from, scroll)}
            onTake={take}
          />
        )}
      </div>
      <FaultLine fault={fault} field={field.current} text={text} />
    </div>
  );
}

/** The place below a letter of the text, which has letters of one width and lines of 20 pixels. */
function placeOf(text: string, at: number, { left, top }: { left: number; top: number }) {
  const lines = text.slice(0, at).split('\n');
  const column = Math.min(lines.at(-1)?.length ?? 0, 48);
  return {
    left: `max(0px, min(10px + ${String(column)}ch - ${String(left)}px, 100% - 300px))`,
    top: `${String(8 + lines.length * 20 - top)}px`,
  };
}

interface SuggestionsProps {
  readonly suggestions: Completion['suggestions'];
  readonly active: number;
  readonly place: { readonly left: string; readonly top: string };
  readonly onTake: (index: number) => void;
}

function Suggestions({ suggestions, active, place, onTake }: SuggestionsProps) {
  return (
    <ul id="template-suggestions" role="listbox" aria-label="Suggestions" style={place}>
      {suggestions.map(({ term, says }, i) => (
        <li
          key={term}
          id={`template-suggestion-${String(i)}`}
          role="option"
          aria-selected={i === active}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => onTake(i)}
        >
          <b>{term}</b> <span class="quiet">{says}</span>
        </li>
      ))}
    </ul>
  );
}

interface FaultProps {
  readonly fault: Fault | undefined;
  readonly field: HTMLTextAreaElement | null;
  readonly text: string;
}

function FaultLine({ fault, field, text }: FaultProps) {
  const line = fault?.line;
  /** Puts the caret on the line, which scrolls it into view. */
  const show = (): void => {
    if (field === null || line === undefined) return;
    const before = text.split('\n').slice(0, line - 1);
    const at = before.join('\n').length + (line > 1 ? 1 : 0);
    field.focus();
    field.setSelectionRange(at, at);
  };
  return (
    <p id="template-fault" role="status" class="problem">
      {fault !== undefined && line !== undefined && (
        <button type="button" onClick={show}>
          Line {line}
        </button>
      )}{' '}
      {fault?.message}
    </p>
  );
}
