// A drop-down list of the server's templates.
import { useEffect, useState } from 'preact/hooks';
import type { TemplateView } from '../../model/api/templates.ts';
import { readTemplates } from '../templates/requests.ts';
import { Link } from '../router.tsx';
import { useServices } from '../context.ts';
import { messageOf } from '../session.ts';

interface SelectProps {
  readonly label: string;
  /** A template's name, or "" for none. */
  readonly value: string;
  readonly autoFocus?: boolean;
  readonly disabled?: boolean;
  readonly onChange: (value: string) => void;
}

export function TemplateSelect({
  label,
  value,
  autoFocus = false,
  disabled = false,
  onChange,
}: SelectProps) {
  const { session } = useServices();
  const [templates, setTemplates] = useState<readonly TemplateView[] | undefined>();
  const [problem, setProblem] = useState<string | undefined>();
  useEffect(() => {
    readTemplates(session).then(setTemplates, (err: unknown) => setProblem(messageOf(err)));
  }, [session]);
  const names = (templates ?? []).map(({ metadata }) => metadata.name);
  const faults = new Map((templates ?? []).map(({ metadata, fault }) => [metadata.name, fault]));
  const fault = faults.get(value);
  // The machine's own template stays on offer even if the server no longer has it.
  const choices = value === '' || names.includes(value) ? names : [value, ...names];
  return (
    <label>
      {label}
      <select
        name="template"
        autoFocus={autoFocus}
        disabled={disabled}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        <option value="">none</option>
        {choices.map((name) => (
          <option key={name} value={name}>
            {faults.get(name) === undefined ? name : `${name} (cannot be run)`}
          </option>
        ))}
      </select>
      {fault !== undefined && <span class="problem">{fault}</span>}
      {templates?.length === 0 && (
        <span>
          There is no template yet. <Link to="/templates">Write one</Link>, or make one with{' '}
          <code>dragonfly-server template</code>.
        </span>
      )}
      {problem !== undefined && <span class="problem">{problem}</span>}
    </label>
  );
}
