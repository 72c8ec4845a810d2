// The time back from now that a list shows, and the field to choose it.
export type Span = '24h' | '7d' | '30d';

const spans: Readonly<Record<Span, string>> = {
  '24h': 'last 24 hours',
  '7d': 'last 7 days',
  '30d': 'last 30 days',
};
const hours: Readonly<Record<Span, number>> = { '24h': 24, '7d': 168, '30d': 720 };

export const isSpan = (text: string): text is Span => Object.hasOwn(spans, text);

/** The beginning of the span, in RFC 3339. */
export function sinceOf(span: Span, nowMs: number): string {
  return new Date(nowMs - hours[span] * 3_600_000).toISOString();
}

interface Props {
  readonly label?: string;
  readonly value: Span | undefined;
  readonly onChange: (span: Span | undefined) => void;
}

/** Without a `label` it stands in one that the page gives it. */
export function SpanSelect({ label, value, onChange }: Props) {
  return (
    <select
      {...(label === undefined ? {} : { 'aria-label': label })}
      value={value ?? ''}
      onChange={({ currentTarget }) =>
        onChange(isSpan(currentTarget.value) ? currentTarget.value : undefined)
      }
    >
      <option value="">at any time</option>
      {Object.entries(spans).map(([span, name]) => (
        <option key={span} value={span}>
          {name}
        </option>
      ))}
    </select>
  );
}
