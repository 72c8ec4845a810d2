// The field of a template's text: its lines numbered, the one at fault marked, and what may follow at the caret.
import { useRef, useState } from 'preact/hooks';
import { completionAttributes, Suggestions, useCompletion } from '../../parts/completion.tsx';
import type { Fault } from '../template-text.ts';
import { completeTemplate } from './complete.ts';
import { useVocabulary } from './use-vocabulary.ts';

interface EditorProps {
  readonly text: string;
  readonly fault: Fault | undefined;
  readonly readOnly: boolean;
  readonly onChange: (text: string) => void;
}

/** The most suggestions shown at a time. */
const most = 12;

/** Only a word that is begun, or a value, is completed unasked. */
function opensAt(text: string, caret: number): boolean {
  const line = text.slice(text.lastIndexOf('\n', caret - 1) + 1, caret);
  return /\w$|^ *(?:- +)?\w+: +$|\{\{ *$/.test(line);
}

export function Editor({ text, fault, readOnly, onChange }: EditorProps) {
  const numbers = useRef<HTMLOListElement>(null);
  const [scroll, setScroll] = useState({ left: 0, top: 0 });
  const vocabulary = useVocabulary();
  const completion = useCompletion<HTMLTextAreaElement>({
    text,
    onChange,
    complete: (typed, caret) => {
      const found = completeTemplate(typed, caret, vocabulary);
      return { ...found, suggestions: found.suggestions.slice(0, most) };
    },
    // The values of a field follow its name.
    goesOn: (term) => term.endsWith(': '),
    separator: '',
    opensAt,
  });
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
          {...completionAttributes(completion)}
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
        <Suggestions {...completion} place={placeOf(text, from, scroll)} />
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
