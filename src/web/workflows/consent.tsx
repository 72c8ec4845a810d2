// The consent that a workflow may need: a box for each, and the words for it in refusals.

type Acceptance = 'reimage' | 'confirmed' | 'retry';

const labels: Readonly<Record<Acceptance, string>> = {
  reimage: 'Overwrite what is on the planned disk',
  confirmed: 'Go on where the agent does not compare its disk with the plan',
  retry: 'Run it again automatically after a reset',
};

interface AcceptProps {
  readonly name: Acceptance;
  readonly isOn: boolean;
  readonly onChange: (isOn: boolean) => void;
}

export function Accept({ name, isOn, onChange }: AcceptProps) {
  return (
    <label class="check">
      <input
        type="checkbox"
        name={name}
        checked={isOn}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      {labels[name]}
    </label>
  );
}

/** A refusal, with the name of a box where the server names a field of the request. */
export function asBoxes(refusal: string): string {
  return refusal.replaceAll(
    /repeat with "(reimage|confirmed)": true/g,
    (_, name: 'reimage' | 'confirmed') => `tick “${labels[name]}”`,
  );
}
