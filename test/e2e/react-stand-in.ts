// As much of React as the snippets use, for the page that runs them: elements, `useState`, `useEffect`, and a re-render
// into the same place on every state change.

interface PageElement {
  append(child: unknown): void;
  setAttribute(name: string, value: string): void;
  addEventListener(event: string, listener: unknown): void;
  replaceChildren(...children: readonly unknown[]): void;
}
/** Inside the page. */
declare const document: { createElement(name: string): PageElement };

type Props = Readonly<Record<string, unknown>> & { readonly children?: unknown };
type Component = () => PageElement | null;

interface Instance {
  readonly hooks: unknown[];
  cursor: number;
  readonly render: () => void;
}

/** The component that is being rendered. */
const rendering: { instance: Instance | null } = { instance: null };

/** Renders a component into an element, and again on every state change. */
export function mount(component: Component, place: PageElement): void {
  const instance: Instance = {
    hooks: [],
    cursor: 0,
    render() {
      instance.cursor = 0;
      rendering.instance = instance;
      const element = component();
      rendering.instance = null;
      place.replaceChildren(...(element ? [element] : []));
    },
  };
  instance.render();
}

export function useState<T>(initial: T): [T, (value: T) => void] {
  const { instance, at, isFirst } = nextHook();
  if (isFirst) instance.hooks[at] = initial;
  return [instance.hooks[at] as T, (value) => {
    instance.hooks[at] = value;
    instance.render();
  }];
}

/** Runs the effect once after the first render; the snippets need nothing else. */
export function useEffect(effect: () => void, dependencies: readonly never[]): void {
  const { instance, at, isFirst } = nextHook();
  if (!isFirst) return;
  instance.hooks[at] = dependencies;
  queueMicrotask(effect);
}

function nextHook(): { instance: Instance; at: number; isFirst: boolean } {
  const { instance } = rendering;
  if (!instance) throw new Error('hooks can only be called while a component renders');
  const at = instance.cursor;
  instance.cursor += 1;
  return { instance, at, isFirst: at >= instance.hooks.length };
}

/** The JSX factory: creates an element of the page. */
export function jsx(name: string, { children, ...props }: Props): PageElement {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith('on')) element.addEventListener(key.slice(2).toLowerCase(), value);
    else if (value !== false && value !== null) {
      element.setAttribute(key === 'className' ? 'class' : key, String(value === true ? '' : value));
    }
  }
  for (const child of [children].flat(Infinity)) {
    if (child !== null && child !== undefined && typeof child !== 'boolean') element.append(child);
  }
  return element;
}

export { jsx as jsxs };
