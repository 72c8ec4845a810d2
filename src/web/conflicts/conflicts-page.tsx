// The page of identity conflicts: check-ins that might come from a machine already known. An operator decides whether
// such a machine is one of the candidates or a separate one.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Compared } from './compared.tsx';
import type { IdentityConflict } from '../../model/history.ts';
import { acceptAddress, acceptConflict, reopenConflict, splitConflict } from './requests.ts';
import { useLive, useMay, useRow, useServices } from '../context.ts';
import { Card, Dialog, LivenessMark, Notice, useNow, Age } from '../parts/parts.tsx';
import { LastDone } from '../parts/last-done.tsx';
import { useTask } from '../parts/task.ts';
import { Link } from '../router.tsx';

const reasons: Readonly<Record<IdentityConflict['reason'], string>> = {
  ambiguous: 'its evidence points at several machines',
  contradicted: 'its evidence contradicts itself',
  indistinguishable: 'it cannot be told apart from another machine',
};

export function ConflictsPage() {
  const { conflicts, problem } = useLive();
  const { within } = useMay();
  /** The conflict that was last decided here to be about a separate machine. */
  const [split, setSplit] = useState<IdentityConflict | undefined>();
  useEffect(() => {
    document.title = 'Conflicts · Dragonfly';
  }, []);
  if (within !== undefined) {
    return (
      <Notice kind="empty" title="This token may not see conflicts.">
        <p>It is limited to machines tagged {within.join(' or ')}.</p>
      </Notice>
    );
  }
  if (conflicts === undefined) {
    return problem === undefined ? (
      <Notice kind="busy" title="Reading conflicts…" />
    ) : (
      <Notice kind="error" title="The conflicts could not be read.">
        <p>{problem}</p>
      </Notice>
    );
  }
  return (
    <div class="conflicts">
      <h1 class={conflicts.length > 0 ? '' : 'hidden'}>Open conflicts</h1>
      {split !== undefined && <Split conflict={split} onReopened={() => setSplit(undefined)} />}
      {conflicts.length === 0 && (
        <Notice kind="empty" title="No open conflicts.">
          <p>A machine that might be one of several known machines shows up here.</p>
        </Notice>
      )}
      {conflicts.map((conflict) => (
        <Conflict key={conflict.id} conflict={conflict} onSplit={() => setSplit(conflict)} />
      ))}
    </div>
  );
}

interface SplitProps {
  readonly conflict: IdentityConflict;
  readonly onReopened: () => void;
}

/** Says what was decided, and takes it back. */
function Split({ conflict, onReopened }: SplitProps) {
  const { session } = useServices();
  const name = useRow(conflict.machine_id)?.name ?? conflict.machine_id;
  const settle = useSettle();
  const undo = (): Promise<void> =>
    settle(async () => {
      await reopenConflict(session, conflict.id);
      onReopened();
    });
  return (
    <p class="decided">
      <LastDone message={`${name} is a machine of its own.`} undo={undo} />
    </p>
  );
}

/** Carries out a decision, after which the page shows the conflicts that are left. */
function useSettle(): (decision: () => Promise<void>) => Promise<void> {
  const { live } = useServices();
  return async (decision) => {
    await decision();
    await live.conflictDecided();
  };
}

interface ConflictProps {
  readonly conflict: IdentityConflict;
  /** Called when the machine was decided to be a separate one. */
  readonly onSplit: () => void;
}

function Conflict({ conflict, onSplit }: ConflictProps) {
  const { session } = useServices();
  const nowMs = useNow() - session.clockAheadMs;
  const may = useMay();
  const { busy, problem, run } = useTask();
  const settle = useSettle();
  const decide = (decision: () => Promise<void>): void => void run(() => settle(decision));
  /** The candidate that the operator is asked about. */
  const [into, setInto] = useState<string | undefined>();
  const { fleet } = useServices();
  const name = useRow(conflict.machine_id)?.name ?? conflict.machine_id;
  const refused = conflict.refused_addresses?.join(' or ');
  return (
    <Card title={`Which machine is ${name}?`}>
      <div>
        <MachineName id={conflict.machine_id} />
        <p class="quiet">
          Checked in <Age atMs={Date.parse(conflict.created_at)} nowMs={nowMs} ago />:{' '}
          {reasons[conflict.reason]}.
        </p>
      </div>
      {conflict.candidates.map(({ machine_id, evidence }) => (
        <Choice
          key={machine_id}
          action="Same machine"
          says={`as ${fleet.get(machine_id)?.name ?? machine_id}`}
          disabled={busy || !may.operateAll}
          onChoose={() => {
            if (machine_id === conflict.machine_id) {
              decide(() => acceptConflict(session, conflict.id, machine_id));
            } else setInto(machine_id);
          }}
        >
          <MachineName id={machine_id} />
          <Sentences of={evidence} />
          {refused !== undefined && (
            <p class="quiet">Once it is silent, the one at {refused} is taken for it.</p>
          )}
        </Choice>
      ))}
      <Addresses
        conflict={conflict}
        name={name}
        disabled={busy || !may.operateAll}
        onChoose={(address) => decide(() => acceptAddress(session, conflict.id, address))}
      />
      <Choice
        action="Separate machine"
        says={name}
        disabled={busy || !may.operateAll}
        onChoose={() =>
          decide(async () => {
            await splitConflict(session, conflict.id);
            onSplit();
          })
        }
      >
        <b>None of these</b>
        <p class="quiet">
          {refused === undefined
            ? 'It remains a machine of its own.'
            : `The one at ${refused} is another machine, and is kept out.`}
        </p>
      </Choice>
      <Compared ids={[conflict.machine_id, ...conflict.candidates.map((c) => c.machine_id)]} />
      <p class="problem" role="alert">
        {problem}
      </p>
      {into !== undefined && (
        <MergeDialog
          id={conflict.machine_id}
          into={into}
          onClose={() => setInto(undefined)}
          onConfirm={() => {
            setInto(undefined);
            decide(() => acceptConflict(session, conflict.id, into));
          }}
        />
      )}
    </Card>
  );
}

interface AddressesProps extends Pick<ChoiceProps, 'disabled'> {
  readonly conflict: IdentityConflict;
  /** The machine's. */
  readonly name: string;
  readonly onChoose: (address: string) => void;
}

/** The addresses at which another one was refused, which may be the machine. */
function Addresses({ conflict, name, disabled, onChoose }: AddressesProps) {
  return (conflict.refused_addresses ?? []).map((address) => (
    <Choice
      key={address}
      action="The machine"
      says={`is at ${address}`}
      disabled={disabled}
      onChoose={() => onChoose(address)}
    >
      <b>The one at {address}</b>
      <p class="quiet">It is let in at once, and the one taken for {name} is kept out.</p>
    </Choice>
  ));
}

function Sentences({ of }: { of: readonly string[] }) {
  return (
    <ul class="quiet">
      {of.map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  );
}

interface ChoiceProps {
  readonly action: string;
  /** The rest of the button's name, for screen readers. */
  readonly says: string;
  readonly disabled: boolean;
  readonly onChoose: () => void;
  readonly children: ComponentChildren;
}

function Choice({ action, says, disabled, onChoose, children }: ChoiceProps) {
  return (
    <div class="candidate">
      <div>{children}</div>
      <button type="button" aria-label={`${action} ${says}`} disabled={disabled} onClick={onChoose}>
        {action}
      </button>
    </div>
  );
}

/** A machine's name, linked to its page. */
function MachineName({ id }: { id: string }) {
  const row = useRow(id);
  return (
    <span class="machine-name">
      <Link to={`/machines/${id}`}>{row?.name ?? id}</Link>
      {row !== undefined && <LivenessMark liveness={row.liveness} />}
      {row !== undefined && <span class="quiet">{row.hardware}</span>}
    </span>
  );
}

interface MergeProps {
  readonly id: string;
  readonly into: string;
  readonly onClose: () => void;
  readonly onConfirm: () => void;
}

function MergeDialog({ id, into, onClose, onConfirm }: MergeProps) {
  const name = useRow(id)?.name ?? id;
  const target = useRow(into)?.name ?? into;
  return (
    <Dialog title={`Merge ${name} into ${target}?`} onClose={onClose}>
      <p>
        {target} keeps its record, name, tags, template and history, and takes the identity and the
        hardware of {name}. The record of {name} is deleted, with its own name, tags and history.
        This cannot be undone.
      </p>
      <footer>
        <button type="button" autoFocus onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="danger" onClick={onConfirm}>
          Merge
        </button>
      </footer>
    </Dialog>
  );
}
