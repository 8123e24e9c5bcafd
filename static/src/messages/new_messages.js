import {onMounted, onWillUnmount, status, useComponent, useState} from "@odoo/owl";
import {browser} from "@web/core/browser/browser";
import {useService} from "@web/core/utils/hooks";

const PERIOD = 1000; // milliseconds between two looks; a message waits for its job as long
const MOST = 100; // that the server counts

/**
 * Has a view of messages show new ones by itself, while nobody is at work in it: on its
 * first page, not scrolled, nothing selected. Otherwise it counts them.
 *
 * @param {Object} model of the view
 * @param {Object} rootRef of the view
 * @returns {Object} `state` (`count` of new messages, `isPaused`), `label` (of the
 *     count), `show` (shows them) and `toggle` (pauses, or goes on)
 */
export function useNewMessages(model, rootRef) {
    const component = useComponent();
    const orm = useService("orm");
    const state = useState({count: 0, isPaused: false});
    let knownId, timer;
    let isUnsettled = false;

    /** Whether showing others would take away what somebody looks at. */
    function isBusy() {
        const {isGrouped, offset, orderBy, selection} = model.root;
        const scrolled = rootRef.el?.querySelector(".o_list_renderer, .o_content");
        return Boolean(
            isGrouped ||
            offset ||
            orderBy.length ||
            selection.length ||
            scrolled?.scrollTop ||
            document.getSelection().type === "Range"
        );
    }

    /** The newest message of the page; undefined where the page does not show it. */
    function newestShown() {
        const {isGrouped, offset, orderBy, records} = model.root;
        if (!isGrouped && !offset && !orderBy.length) {
            return Math.max(0, ...records.map(({resId}) => resId));
        }
    }

    async function load() {
        state.count = 0;
        await model.load();
    }

    async function look() {
        const since = knownId ?? newestShown();
        const {count, newest_id: newestId} = await orm.silent.call(
            model.root.resModel,
            "count_newer",
            [[], model.root.domain, since ?? 0]
        );
        knownId = newestId;
        const hasCome = since !== undefined && count;
        state.count += hasCome ? count : 0;
        // What was stored at the same time may be committed a moment later.
        const isDue = state.count || isUnsettled;
        isUnsettled = hasCome;
        if (isDue && !isBusy()) {
            await load();
        }
    }

    async function show() {
        rootRef.el?.querySelector(".o_list_renderer, .o_content")?.scrollTo({top: 0});
        if (model.root.offset) {
            await model.root.load({offset: 0});
        }
        await load();
    }

    function schedule() {
        if (!state.isPaused && status(component) !== "destroyed") {
            timer = browser.setTimeout(async () => {
                if (model.isReady && document.visibilityState === "visible") {
                    // The server may be away: whoever clicks is told so, and it comes back.
                    await look().catch(() => {});
                }
                schedule();
            }, PERIOD);
        }
    }

    function toggle() {
        state.isPaused = !state.isPaused;
        browser.clearTimeout(timer);
        schedule();
    }

    onMounted(schedule);
    onWillUnmount(() => browser.clearTimeout(timer));
    return {
        state,
        show,
        toggle,
        get label() {
            return state.count < MOST ? `${state.count}` : `${MOST - 1}+`;
        },
    };
}
