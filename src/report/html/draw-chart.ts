// Charts as SVG text, drawn by echarts without a browser. Colours are placeholders here and variables of the page's style in the result, so
// that one picture serves light and dark; two widths are drawn, as text in a picture that is scaled down cannot be read on a phone.
import { html, Markup } from './markup.js';

/** Placeholder → variable. echarts must be able to read them as colours. */
const colors = {
  '#010101': '--ink',
  '#020202': '--muted',
  '#030303': '--line',
  '#040404': '--before',
  '#050505': '--after',
  '#060606': '--c1',
  '#070707': '--c2',
  '#080808': '--c3',
  '#090909': '--c4',
  '#0a0a0a': '--c5',
  '#0b0b0b': '--c6',
  '#0c0c0c': '--bad',
} as const;

export const paint = {
  ink: '#010101',
  muted: '#020202',
  line: '#030303',
  before: '#040404',
  after: '#050505',
  bad: '#0c0c0c',
  series: ['#060606', '#070707', '#080808', '#090909', '#0a0a0a', '#0b0b0b'],
} as const;

/** Options of echarts, for a width in pixels. */
export type ChartOptions = (width: number) => Readonly<Record<string, unknown>>;

export interface ChartSize {
  readonly height: number;
  /** On narrow screens; default the same. */
  readonly narrowHeight?: number;
  /** Width on wide screens; default 860. */
  readonly width?: number;
  /** What it shows, for those who cannot see it. */
  readonly label: string;
}

const narrowWidth = 340;
export const isNarrow = (width: number): boolean => width <= narrowWidth;

export async function drawChart(
  options: ChartOptions,
  { height, narrowHeight = height, width = 860, label }: ChartSize,
): Promise<Markup> {
  const wide = await draw(options(width), width, height);
  const narrow = await draw(options(narrowWidth), narrowWidth, narrowHeight);
  return html`<div class="chart" role="img" aria-label="${label}"><div class="wide">${wide}</div><div class="narrow">${narrow}</div></div>`;
}

async function draw(options: Readonly<Record<string, unknown>>, width: number, height: number): Promise<Markup> {
  const echarts = await loadEcharts();
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: 'inherit', color: paint.ink, fontSize: 12 },
      ...options,
    });
    const text = chart
      .renderToSVGString({ useViewBox: true })
      .replace(/#0[0-9a-c]{5}\b/g, (color) =>
        color in colors ? `var(${colors[color as keyof typeof colors]})` : color,
      )
      // Rules for hovering: nothing moves here, and their names repeat from chart to chart.
      .replace(/<style[^>]*>[\s\S]*?<\/style>/g, '')
      .replace(/ (?:class|ecmeta_\w+)="[^"]*"/g, '')
      .replace(/^<svg width="\d+" height="\d+"/, '<svg');
    return new Markup(text);
  } finally {
    chart.dispose();
  }
}

/** A megabyte of code that only reports with pictures need. */
async function loadEcharts() {
  const [core, charts, components, renderers] = await Promise.all([
    import('echarts/core'),
    import('echarts/charts'),
    import('echarts/components'),
    import('echarts/renderers'),
  ]);
  core.use([charts.BarChart, charts.LineChart, charts.ScatterChart]);
  core.use([components.GridComponent, components.LegendComponent, renderers.SVGRenderer]);
  return core;
}
