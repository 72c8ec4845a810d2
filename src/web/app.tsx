// The frame of every page: header, connection status, theme, sign-in.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { signOut } from './administration/requests.ts';
import { AuditPage } from './audit/audit-page.tsx';
import { AdministrationPage } from './administration/administration-page.tsx';
import { ConflictsPage } from './conflicts/conflicts-page.tsx';
import {
  createServices,
  MayProvider,
  ServicesProvider,
  useAskedMay,
  useLive,
  useMay,
  useServices,
} from './context.ts';
import { useAskedLeave } from './leave-dialog.tsx';
import { HelpDialog } from './parts/dialogs/help-dialog.tsx';
import { listPath, listStateOf, type ListState } from './list/list-state.ts';
import { MachinePage } from './machine/machine-page.tsx';
import { MachinesPage } from './list/machines-page.tsx';
import { usePageKeys } from './list/page-keys.ts';
import { OverviewPage } from './overview/overview-page.tsx';
import { Notice } from './parts/parts.tsx';
import { LeaveProvider, Link, useRoute, type Route } from './router.tsx';
import { TemplatePage } from './templates/template-page.tsx';
import { TemplatesPage } from './templates/templates-page.tsx';
import { WorkflowsPage } from './workflows/workflows-page.tsx';
import { SignIn } from './sign-in.tsx';
import { pollEveryMs } from './live/live.ts';
import { useTask } from './parts/task.ts';
import { applyTheme, nextTheme, storedTheme } from './parts/theme.ts';

export function App() {
  const services = useMemo(createServices, []);
  const [signedOut, setSignedOut] = useState(false);
  useEffect(() => {
    services.session.onUnauthorized = () => setSignedOut(true);
    services.live.start();
    return () => services.live.stop();
  }, [services]);
  return (
    <ServicesProvider value={services}>
      {signedOut ? (
        <SignIn
          onSignedIn={() => {
            services.session.isSignedOut = false;
            setSignedOut(false);
            services.live.start();
          }}
        />
      ) : (
        <Known />
      )}
    </ServicesProvider>
  );
}

/** The page, once it is known what the operator may do. */
function Known() {
  const may = useAskedMay();
  if (may === undefined) return <Notice kind="busy" title="Asking the server…" />;
  return (
    <MayProvider value={may}>
      <Shell />
    </MayProvider>
  );
}

function Shell() {
  const { leave, dialog } = useAskedLeave();
  const route = useRoute();
  const [list, setList] = useState<ListState>(() => listStateOf(location.search));
  const place = useRef({ scrollTop: 0, isFilterWanted: false, isTyped: false });
  const [help, setHelp] = useState(false);
  usePageKeys({
    '?': () => setHelp(true),
    // On the list itself the filter has this key.
    ...(route.page === 'machines'
      ? {}
      : {
          '/': () => {
            place.current.isFilterWanted = true;
            leave(listPath(list));
          },
        }),
  });

  useLayoutEffect(() => {
    if (route.page !== 'machines') return;
    const { query, sort, columns, isCompact } = listStateOf(route.search);
    setList((now) => ({ ...now, query, sort, columns, isCompact }));
  }, [route]);

  const changeList = (change: Partial<ListState>): void => {
    if (change.query !== undefined || change.sort !== undefined) place.current.scrollTop = 0;
    setList((now) => ({ ...now, ...change }));
  };
  return (
    <LeaveProvider value={leave}>
      <Header route={route} list={list} onHelp={() => setHelp(true)} />
      <main>
        {route.page === 'overview' && <OverviewPage />}
        {route.page === 'workflows' && <WorkflowsPage search={route.search} />}
        {route.page === 'machines' && (
          <MachinesPage list={list} onChange={changeList} place={place.current} />
        )}
        {route.page === 'machine' && (
          <MachinePage key={route.id} id={route.id} backTo={listPath(list)} />
        )}
        {route.page === 'conflicts' && <ConflictsPage />}
        {route.page === 'audit' && <AuditPage search={route.search} />}
        {route.page === 'templates' && <TemplatesPage />}
        {route.page === 'template' && <TemplatePage key={route.name} name={route.name} />}
        {route.page === 'administration' && <AdministrationPage />}
        {route.page === 'unknown' && <Unknown />}
      </main>
      {help && <HelpDialog onClose={() => setHelp(false)} />}
      {dialog}
    </LeaveProvider>
  );
}

function Unknown() {
  useEffect(() => {
    document.title = 'No such page · Dragonfly';
  }, []);
  return (
    <>
      <h1 class="hidden">No such page</h1>
      <Notice kind="empty" title="There is no such page.">
        <p>
          <code>{location.pathname}</code> leads nowhere.
        </p>
        <Link to="/">Overview</Link>
      </Notice>
    </>
  );
}

interface HeaderProps {
  readonly route: Route;
  readonly list: ListState;
  readonly onHelp: () => void;
}

function Header({ route, list, onHelp }: HeaderProps) {
  const conflicts = useLive().conflicts?.length ?? 0;
  const may = useMay();
  return (
    <header class="top">
      <Link to="/" class="brand">
        <Mark />
        Dragonfly
      </Link>
      <nav aria-label="Pages">
        <Link to="/" current={route.page === 'overview'}>
          Overview
        </Link>
        <Link to={listPath(list)} current={route.page === 'machines'}>
          Machines
        </Link>
        <Link to="/workflows" current={route.page === 'workflows'}>
          Workflows
        </Link>
        <Link to="/templates" current={route.page === 'templates' || route.page === 'template'}>
          Templates
        </Link>
        {may.within === undefined && (
          <Link to="/conflicts" current={route.page === 'conflicts'}>
            Conflicts
            {conflicts > 0 && <span class="badge">{conflicts}</span>}
          </Link>
        )}
        {may.administer && (
          <Link to="/audit" current={route.page === 'audit'}>
            Audit
          </Link>
        )}
        <Link to="/administration" current={route.page === 'administration'}>
          Administration
        </Link>
      </nav>
      <div class="spring" />
      <Connection />
      <ThemeButton />
      <button
        type="button"
        class="icon help"
        title="Keyboard (?)"
        aria-label="Help"
        onClick={onHelp}
      >
        ?
      </button>
      <SignOutButton />
    </header>
  );
}

const connectionText = {
  live: 'Live',
  connecting: 'Connecting…',
  lost: 'Reconnecting…',
  polled: `Every ${String(pollEveryMs / 1000)} s`,
} as const;

function Connection() {
  const { connection } = useLive();
  return (
    <span class={`connection ${connection}`} role="status">
      <span class="dot" aria-hidden="true" />
      {connectionText[connection]}
    </span>
  );
}

const themeSign = { system: '◐', light: '☀', dark: '☾' } as const;

function ThemeButton() {
  const [theme, setTheme] = useState(storedTheme);
  return (
    <button
      type="button"
      class="icon"
      title={`Theme: ${theme}`}
      aria-label={`Theme: ${theme}. Change`}
      onClick={() => {
        const next = nextTheme(theme);
        applyTheme(next);
        setTheme(next);
      }}
    >
      {themeSign[theme]}
    </button>
  );
}

function SignOutButton() {
  const { session } = useServices();
  const { myself } = useMay();
  const { run } = useTask();
  if (!session.hasToken && myself?.session !== true) return null;
  return (
    <button
      type="button"
      class="icon wide"
      title={myself?.name}
      onClick={() =>
        void run(async () => {
          session.forgetToken();
          try {
            await signOut(session);
          } finally {
            // If that failed, the reloaded page shows who is still signed in.
            location.reload();
          }
        })
      }
    >
      Sign out
    </button>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <g fill="none" stroke="currentColor" stroke-width="2.6" stroke-linecap="round">
        <path d="M16 7v20" />
        <path d="M16 12C12 5 5 5 4 8s4 5 12 5" />
        <path d="M16 12c4-7 11-7 12-4s-4 5-12 5" />
        <path d="M16 17c-4-1-10 0-10 3s7 1 10-2" />
        <path d="M16 17c4-1 10 0 10 3s-7 1-10-2" />
      </g>
    </svg>
  );
}
