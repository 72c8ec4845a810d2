// The dialog before a machine is provisioned: its plan, or why there is none, and what has to be accepted.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { MachineView } from '../../model/api/machines.ts';
import type { PlanAnswer } from '../../model/api/workflows.ts';
import { Accept, asBoxes } from '../workflows/consent.tsx';
import { planWorkflow, type Consent, type Order } from '../workflows/requests.ts';
import { useServices } from '../context.ts';
import { Dialog } from '../parts/parts.tsx';
import { useTask } from '../parts/task.ts';
import { messageOf } from '../session.ts';
import { PlanView } from './plan-view.tsx';
import { TemplateSelect } from './template-select.tsx';

interface ProvisionProps {
  readonly machine: MachineView;
  /** The template that is chosen at first; "" for none. */
  readonly template: string;
  readonly onClose: () => void;
  /** Orders the workflow. If it fails, the dialog stays open and says why. */
  readonly onConfirm: (order: Order) => Promise<void>;
}

/** The plan of what was chosen, or why there is none. */
function usePlan(machineId: string, consent: Consent) {
  const { session } = useServices();
  const [plan, setPlan] = useState<PlanAnswer | undefined>();
  const [refusal, setRefusal] = useState<string | undefined>();
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    setPlan(undefined);
    setRefusal(undefined);
    if (consent.template === undefined) return undefined;
    planWorkflow(session, machineId, consent).then(
      (made) => isCurrent && setPlan(made),
      (err: unknown) => isCurrent && setRefusal(asBoxes(messageOf(err))),
    );
    return () => {
      isCurrent = false;
    };
  }, [session, machineId, consent, asked]);
  return { plan, refusal, drop: () => setPlan(undefined), askAgain: () => setAsked(asked + 1) };
}

/** Kept while the next plan is made, so that the box under the pointer stays. */
function useMayOverwrite(plan: PlanAnswer | undefined, refusal: string | undefined): boolean {
  const mayOverwrite = useRef(false);
  if (plan !== undefined) mayOverwrite.current = plan.overwrites;
  else if (refusal !== undefined) mayOverwrite.current = true;
  return mayOverwrite.current;
}

/** "" stands for the template that the machine has. */
function withTemplate({ template: _before, ...rest }: Consent, chosen: string): Consent {
  return chosen === '' ? rest : { ...rest, template: chosen };
}

export function ProvisionDialog({ machine, template, onClose, onConfirm }: ProvisionProps) {
  const [consent, setConsent] = useState<Consent>({
    reimage: false,
    confirmed: false,
    ...(template === '' ? {} : { template }),
  });
  const { plan, refusal, drop, askAgain } = usePlan(machine.id, consent);
  const { busy, problem, run } = useTask();
  const mayOverwrite = useMayOverwrite(plan, refusal);
  const confirm = async ({ plan_digest }: PlanAnswer): Promise<void> => {
    try {
      await onConfirm({ ...consent, plan_digest });
    } catch (err) {
      // Nobody confirms a plan by a second click that has not seen it.
      drop();
      throw err;
    }
  };
  // A failure is one of the plan that was dropped: it says nothing of the next.
  const fault = refusal ?? (plan === undefined ? problem : undefined);
  const name = machine.config.hostname ?? machine.config.memorable_name;
  const isDestructive = plan?.overwrites === true && plan.lost.length > 0;
  return (
    <Dialog title={`Provision ${name}`} onClose={onClose}>
      <TemplateSelect
        label="Template"
        value={consent.template ?? ''}
        onChange={(chosen) => setConsent(withTemplate(consent, chosen))}
      />
      {plan !== undefined && <PlanView plan={plan} />}
      {fault !== undefined && (
        <p class="problem" role="alert">
          {fault}
        </p>
      )}
      {problem !== undefined && plan === undefined && (
        <button type="button" class="more" onClick={askAgain}>
          Show the plan as it is now
        </button>
      )}
      <Acceptances
        machine={machine}
        consent={consent}
        mayOverwrite={mayOverwrite}
        onChange={setConsent}
      />
      <footer>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class={isDestructive ? 'danger' : 'primary'}
          disabled={plan === undefined || busy}
          onClick={() => plan !== undefined && void run(() => confirm(plan))}
        >
          {isDestructive ? 'Overwrite and provision' : 'Provision'}
        </button>
      </footer>
    </Dialog>
  );
}

interface AcceptancesProps {
  readonly machine: MachineView;
  readonly consent: Consent;
  /** False for a template that overwrites no disk. */
  readonly mayOverwrite: boolean;
  readonly onChange: (consent: Consent) => void;
}

/** The choices of the operator beside the template. */
function Acceptances({ machine, consent, mayOverwrite, onChange }: AcceptancesProps) {
  return (
    <>
      {mayOverwrite && (
        <Accept
          name="reimage"
          isOn={consent.reimage === true}
          onChange={(reimage) => onChange({ ...consent, reimage })}
        />
      )}
      {machine.report?.boot_id === null && (
        <Accept
          name="confirmed"
          isOn={consent.confirmed === true}
          onChange={(confirmed) => onChange({ ...consent, confirmed })}
        />
      )}
      <Accept
        name="retry"
        isOn={consent.retry === true}
        onChange={(retry) => onChange({ ...consent, retry })}
      />
    </>
  );
}
