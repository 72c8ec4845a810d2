// A dry run of a template's text against a machine: the plan or why there is none, and the template as the
// machine would get it.
import { useState } from 'preact/hooks';
import type { TemplateTrial } from '../../model/api/templates.ts';
import { tryTemplate } from './requests.ts';
import { useFleet, useServices } from '../context.ts';
import { PlanView } from '../machine/plan-view.tsx';
import { Card } from '../parts/parts.tsx';
import { useTask } from '../parts/task.ts';
import { documentOf, textOf } from './template-text.ts';

export function Trial({ name, text }: { name: string; text: string }) {
  const { session } = useServices();
  const { all } = useFleet();
  const [wanted, setWanted] = useState('');
  const [answer, setAnswer] = useState<{ of: string; trial: TemplateTrial } | undefined>();
  const { busy, problem, run } = useTask();
  const machine = all.find((row) => [row.name, row.memorableName, row.id].includes(wanted.trim()));
  const ask = async (): Promise<void> => {
    setAnswer(undefined);
    if (machine === undefined) throw new Error(`There is no machine ${wanted.trim()}.`);
    const read = documentOf(text);
    if ('fault' in read) throw new Error(read.fault.message);
    setAnswer({ of: text, trial: await tryTemplate(session, name, read.value, machine.id) });
  };
  return (
    <Card title="Dry run">
      <form
        class="trial"
        onSubmit={(event) => {
          event.preventDefault();
          void run(ask);
        }}
      >
        <label>
          Machine
          <input
            name="machine"
            list="machines-to-try"
            autoComplete="off"
            spellcheck={false}
            placeholder="its name"
            value={wanted}
            onInput={({ currentTarget: { value } }) => setWanted(value)}
          />
        </label>
        <datalist id="machines-to-try">
          {all
            .filter((row) => row.name.includes(wanted.trim()))
            .slice(0, 20)
            .map((row) => (
              <option key={row.id} value={row.name} />
            ))}
        </datalist>
        <button type="submit" disabled={busy || wanted.trim() === ''}>
          {busy ? 'Asking…' : 'Try'}
        </button>
      </form>
      <p class="quiet">Nothing is stored, and nothing is done to the machine.</p>
      <p class="problem" role="alert">
        {problem}
      </p>
      {answer !== undefined && <Answer trial={answer.trial} isOld={answer.of !== text} />}
    </Card>
  );
}

function Answer({ trial, isOld }: { trial: TemplateTrial; isOld: boolean }) {
  const { plan, refusal, template } = trial;
  return (
    <section aria-label="Outcome" class="trial-outcome">
      {isOld && <p class="problem">The text was changed since.</p>}
      {refusal !== undefined && (
        <p class="problem" role="status">
          {refusal.error}
        </p>
      )}
      {plan !== undefined && <PlanView plan={plan} />}
      <details>
        <summary>The template as this machine gets it, with secrets masked</summary>
        <pre tabIndex={0}>{textOf(template)}</pre>
      </details>
    </section>
  );
}
