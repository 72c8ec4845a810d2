// The page of one machine: reads it, keeps it up to date, and lays out its cards.
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { MachineChange } from '../../model/history.ts';
import type { MachineView } from '../../model/api/machines.ts';
import { deleteMachine, patchMachine, readHistory, readMachine } from './requests.ts';
import { ConfigForm } from './config-form.tsx';
import { useMay, useRow, useServices } from '../context.ts';
import { HistoryCard } from './history-card.tsx';
import { LogCard } from './log-card.tsx';
import { OperatorsCard } from './operators-card.tsx';
import { DisksCard, HardwareCard, MemoryCard, NicsCard } from './hardware-cards.tsx';
import { IdentityCard, ProblemsCard } from './machine-cards.tsx';
import { useWayOut } from '../list/page-keys.ts';
import { Readings } from '../live/readings.ts';
import { DangerDialog } from '../parts/dialogs/danger-dialog.tsx';
import { Age, LivenessMark, Notice, StatePill, useNow } from '../parts/parts.tsx';
import { useTask } from '../parts/task.ts';
import { Link, navigate } from '../router.tsx';
import { ApiError, messageOf, type Answer } from '../session.ts';
import { WorkflowCard } from './workflow-card.tsx';

interface PageProps {
  readonly id: string;
  /** The address of the list as the operator left it. */
  readonly backTo: string;
  /** The id that led here, of a machine that was merged into this one. */
  readonly merged?: string;
}

interface Shown {
  readonly machine: Answer<MachineView>;
  readonly changes: readonly MachineChange[];
}

/** The machine of an id, or what became of it where it was merged into another one. */
export function MachinePage({ id, backTo, merged }: PageProps) {
  const { session } = useServices();
  const { shown, problem, mergedInto, reload, show } = useMachine(id);
  const nowMs = useNow() - session.clockAheadMs;
  const { administer } = useMay();
  // The page of the machine that it became has keys of its own.
  useWayOut(mergedInto === undefined ? backTo : undefined);
  if (mergedInto !== undefined) {
    return <MachinePage key={mergedInto} id={mergedInto} backTo={backTo} merged={merged ?? id} />;
  }
  if (shown === undefined) {
    return (
      <div class="machine">
        <BackLink to={backTo} />
        {problem === undefined ? (
          <Notice kind="busy" title="Reading the machine…" />
        ) : (
          <Notice kind="error" title="This machine cannot be shown.">
            <p>{problem}</p>
            <button type="button" onClick={reload}>
              Try again
            </button>
          </Notice>
        )}
      </div>
    );
  }
  const machine = shown.machine.body;
  return (
    <div class="machine">
      <BackLink to={backTo} />
      <Title machine={machine} nowMs={nowMs} backTo={backTo} />
      {merged !== undefined && (
        <p class="merged" role="status">
          The machine <code>{merged}</code> was merged into this one.{' '}
          <Link to={`/machines/${machine.id}`}>Its own address</Link>
        </p>
      )}
      {problem !== undefined && <Notice kind="error" title={problem} />}
      <div class="columns">
        <div>
          <ConfigForm answer={shown.machine} onAnswer={show} />
          <WorkflowCard machine={machine} onChanged={reload} />
          <HistoryCard changes={shown.changes} nowMs={nowMs} />
          {administer && <OperatorsCard id={machine.id} nowMs={nowMs} />}
        </div>
        <div>
          <IdentityCard machine={machine} />
          <HardwareCard machine={machine} />
          <MemoryCard hardware={machine.hardware} />
          <DisksCard disks={machine.hardware.disks} />
          <NicsCard machine={machine} />
          <ProblemsCard machine={machine} />
          <LogCard key={machine.id} id={machine.id} name={machine.config.hostname ?? machine.id} />
        </div>
      </div>
    </div>
  );
}

/** The machine and its history, read again whenever the server reports a change. */
function useMachine(id: string) {
  const { session, live } = useServices();
  const [shown, setShown] = useState<Shown | undefined>();
  const [problem, setProblem] = useState<string | undefined>();
  const [mergedInto, setMergedInto] = useState<string | undefined>();
  const readings = useMemo(() => new Readings(), [id]);
  const reload = useCallback(async () => {
    const isNews = readings.begin();
    try {
      const [machine, changes] = await Promise.all([
        readMachine(session, id),
        readHistory(session, id),
      ]);
      if (!isNews()) return;
      setShown({ machine, changes });
      setProblem(undefined);
    } catch (err) {
      if (!isNews()) return;
      if (err instanceof ApiError && err.status === 404) {
        setShown(undefined);
        const { merged_into: into } = err.details;
        if (typeof into === 'string') setMergedInto(into);
      }
      setProblem(messageOf(err));
    }
  }, [session, id, readings]);
  /** Shows the machine as the answer to a change has it, and reads the rest again. */
  const show = (machine: Answer<MachineView>): void => {
    readings.begin()();
    setShown((now) => now && { ...now, machine });
    void reload();
  };
  useEffect(() => {
    void reload();
    live.watch([id]);
    return live.onMachine(id, () => void reload());
  }, [live, id, reload]);
  return { shown, problem, mergedInto, reload: () => void reload(), show };
}

function BackLink({ to }: { to: string }) {
  return (
    <Link to={to} class="back">
      ← All machines <kbd>Esc</kbd>
    </Link>
  );
}

interface TitleProps {
  readonly machine: MachineView;
  readonly nowMs: number;
  readonly backTo: string;
}

function Title({ machine, nowMs, backTo }: TitleProps) {
  const may = useMay();
  const [asking, setAsking] = useState(false);
  const row = useRow(machine.id);
  const memorableName = machine.config.memorable_name;
  const name = row?.name ?? machine.config.hostname ?? memorableName;
  useEffect(() => {
    document.title = `${name} · Dragonfly`;
  }, [name]);
  return (
    <div class="title">
      <h1>{name}</h1>
      {name !== memorableName && <span class="quiet">{memorableName}</span>}
      {row !== undefined && (
        <>
          <StatePill state={row.state} />
          <LivenessMark liveness={row.liveness} />
          <span class="quiet">
            last seen <Age atMs={row.lastSeenMs} nowMs={nowMs} ago />
          </span>
        </>
      )}
      <span class="spring" />
      {may.operate && row !== undefined && (
        <OfflineButton machine={machine} isOffline={row.state === 'Offline'} />
      )}
      {may.operate && (
        <button type="button" class="danger" onClick={() => setAsking(true)}>
          Forget…
        </button>
      )}
      {row?.errorMessage !== undefined && (
        <p class="machine-error" role="alert">
          {row.errorMessage}
        </p>
      )}
      {asking && (
        <ForgetDialog
          id={machine.id}
          name={name}
          backTo={backTo}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
}

/** Takes the machine out of service, or brings it back. */
function OfflineButton({ machine, isOffline }: { machine: MachineView; isOffline: boolean }) {
  const { session } = useServices();
  const { busy, problem, run } = useTask();
  const change = (): Promise<void> =>
    run(() => patchMachine(session, machine.id, { offline: !isOffline }, undefined));
  return (
    <>
      {problem !== undefined && (
        <span class="problem" role="alert">
          {problem}
        </span>
      )}
      <button type="button" disabled={busy} onClick={() => void change()}>
        {isOffline ? 'Bring back' : 'Mark offline'}
      </button>
    </>
  );
}

interface ForgetProps {
  readonly id: string;
  readonly name: string;
  readonly backTo: string;
  readonly onClose: () => void;
}

function ForgetDialog({ id, name, backTo, onClose }: ForgetProps) {
  const { session } = useServices();
  const forget = async (): Promise<void> => {
    await deleteMachine(session, id);
    navigate(backTo);
  };
  return (
    <DangerDialog title={`Forget ${name}?`} action="Forget" work={forget} onClose={onClose}>
      <p>
        Its record, tags and history are deleted. The machine itself is left alone. If it checks in
        again, it is registered as a new machine.
      </p>
    </DangerDialog>
  );
}
