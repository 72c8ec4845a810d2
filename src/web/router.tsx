// Turns the address into a page, and moves between pages without reloading the document.
import { createContext, type ComponentChildren } from 'preact';
import { useContext, useLayoutEffect, useState } from 'preact/hooks';

export type Route =
  | { readonly page: 'overview' | 'conflicts' | 'templates' | 'administration' | 'unknown' }
  /** `search`: the address from its question mark on. */
  | { readonly page: 'machines' | 'workflows' | 'audit'; readonly search: string }
  | { readonly page: 'machine'; readonly id: string }
  | { readonly page: 'template'; readonly name: string };

const moved = 'dragonfly:moved';

function routeOf(path: string, search: string): Route {
  if (path === '/') return { page: 'overview' };
  if (path === '/machines') return { page: 'machines', search };
  if (path === '/workflows') return { page: 'workflows', search };
  if (path === '/audit') return { page: 'audit', search };
  if (path === '/conflicts') return { page: 'conflicts' };
  if (path === '/templates') return { page: 'templates' };
  if (path === '/administration') return { page: 'administration' };
  const [, folder, part] = /^\/(machines|templates)\/([^/]+)$/.exec(path) ?? [];
  const id = decoded(part);
  if (id === undefined) return { page: 'unknown' };
  return folder === 'machines' ? { page: 'machine', id } : { page: 'template', name: id };
}

/** A part of an address as it is meant; undefined if it means nothing. */
function decoded(part: string | undefined): string | undefined {
  try {
    return part === undefined ? undefined : decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

/** The route of the address; one of version 0.1.0, which had the list at "/", leads to the list. */
function currentRoute(): Route {
  const { pathname, search } = location;
  const parameters = new URLSearchParams(search);
  if (pathname === '/' && (parameters.has('q') || parameters.has('sort'))) {
    history.replaceState(null, '', `/machines${search}`);
  }
  return routeOf(location.pathname, search);
}

/** The address of the page as it is, once it has stayed so. */
let due: { readonly path: string; readonly timer: ReturnType<typeof setTimeout> } | undefined;

function settle(): void {
  if (due === undefined) return;
  clearTimeout(due.timer);
  history.replaceState(null, '', due.path);
  due = undefined;
}
// A reload or a bookmark of the browser's takes it as it is by then.
addEventListener('pagehide', settle);

/** Replaces the address after `ms`, or before the next page if that comes sooner. Each time costs the browser much, and
 *  browsers refuse it if it is too frequent. */
export function replaceSoon(path: string, ms: number): void {
  clearTimeout(due?.timer);
  due = { path, timer: setTimeout(settle, ms) };
}

/** Replaces the address at once. */
export function replaceNow(path: string): void {
  replaceSoon(path, 0);
  settle();
}

export function navigate(path: string): void {
  settle();
  history.pushState(null, '', path);
  dispatchEvent(new Event(moved));
}

export function useRoute(): Route {
  const [route, setRoute] = useState(currentRoute);
  useLayoutEffect(() => {
    const onMove = (): void => {
      // The browser has navigated by itself: what was due was for the previous page.
      clearTimeout(due?.timer);
      due = undefined;
      setRoute(currentRoute());
    };
    addEventListener('popstate', onMove);
    addEventListener(moved, onMove);
    return () => {
      removeEventListener('popstate', onMove);
      removeEventListener(moved, onMove);
    };
  }, []);
  return route;
}

const LeaveContext = createContext(navigate);
export const LeaveProvider = LeaveContext.Provider;

/** Navigation for links and keys, which loses nothing without asking. */
export function useLeave(): (path: string) => void {
  return useContext(LeaveContext);
}

/** True for a click that opens in this tab rather than a new one. */
export function isPlainClick(event: MouseEvent): boolean {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}

interface LinkProps {
  readonly to: string;
  readonly class?: string;
  readonly current?: boolean;
  readonly tabIndex?: number;
  readonly children: ComponentChildren;
}

export function Link({ to, current, children, ...rest }: LinkProps) {
  const leave = useLeave();
  return (
    <a
      {...rest}
      href={to}
      aria-current={current === true ? 'page' : undefined}
      onClick={(event) => {
        if (!isPlainClick(event)) return;
        event.preventDefault();
        event.stopPropagation();
        leave(to);
      }}
    >
      {children}
    </a>
  );
}
