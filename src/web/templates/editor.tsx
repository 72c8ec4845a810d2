// The field of a template's text, with its lines numbered and the one at fault marked.
import { useRef } from 'preact/hooks';
import type { Fault } from './template-text.ts';

interface EditorProps {
  readonly text: string;
  readonly fault: Fault | undefined;
  readonly readOnly: boolean;
  readonly onChange: (text: string) => void;
}

export function Editor({ text, fault, readOnly, onChange }: EditorProps) {
  const numbers = useRef<HTMLOListElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const count = text.split('\n').length;
  const line = fault?.line;
  /** Puts the caret on the line, which scrolls it into view. */
  const show = (): void => {
    if (field.current === null || line === undefined) return;
    const at =
      text
        .split('\n')
        .slice(0, line - 1)
        .join('\n').length + (line > 1 ? 1 : 0);
    field.current.focus();
    field.current.setSelectionRange(at, at);
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
      <textarea
        ref={field}
        name="template"
        aria-label="Template, as YAML"
        aria-invalid={fault !== undefined}
        aria-describedby="template-fault"
        spellcheck={false}
        autoComplete="off"
        wrap="off"
        rows={Math.min(28, Math.max(12, count + 1))}
        readOnly={readOnly}
        value={text}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
        onScroll={({ currentTarget }) => {
          if (numbers.current !== null) numbers.current.scrollTop = currentTarget.scrollTop;
        }}
      />
      <p id="template-fault" role="status" class="problem">
        {fault !== undefined && line !== undefined && (
          <button type="button" onClick={show}>
            Line {line}
          </button>
        )}{' '}
        {fault?.message}
      </p>
    </div>
  );
}
