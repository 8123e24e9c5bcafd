import {onMounted, onWillUnmount} from "@odoo/owl";
import {browser} from "@web/core/browser/browser";

const SHARE = 10; // a slow reading comes so seldom that it takes one tenth of the time
const LONGEST = 5000; // milliseconds between two readings, however slow they are

/**
 * Reads something whenever that is asked for, but at most once in a period, one reading at
 * a time, slow ones less often, and not while nobody sees the page: then as soon as it is
 * seen again.
 */
class Pace {
    constructor(read, period) {
        this.read = read;
        this.period = period;
        this.isAsked = false;
        this.isReading = false;
        this.due = -Infinity; // milliseconds since 1970
    }

    ask() {
        this.isAsked = true;
        this.go();
    }

    go() {
        const cannot = this.isStopped || this.isReading;
        if (!this.isAsked || cannot || document.visibilityState === "hidden") {
            return;
        }
        const wait = this.due - Date.now();
        browser.clearTimeout(this.timer);
        if (wait > 0) {
            this.timer = browser.setTimeout(() => this.go(), wait);
        } else {
            this.run();
        }
    }

    /** @returns {Promise} of a reading that does not wait for its turn */
    async run() {
        this.isAsked = false;
        this.isReading = true;
        const begin = Date.now();
        try {
            await this.read();
        } finally {
            this.isReading = false;
            const took = Date.now() - begin;
            this.due = begin + Math.max(this.period, Math.min(SHARE * took, LONGEST));
            this.go();
        }
    }

    stop() {
        this.isStopped = true;
        this.isAsked = false;
        browser.clearTimeout(this.timer);
    }
}

/**
 * @param {() => Promise} read what it throws is its own matter
 * @param {Number} period milliseconds between the begins of two readings, at least
 * @returns {Pace}
 */
export function usePace(read, period) {
    const pace = new Pace(read, period);
    const onVisible = () => pace.go();
    onMounted(() => document.addEventListener("visibilitychange", onVisible));
    onWillUnmount(() => {
        document.removeEventListener("visibilitychange", onVisible);
        pace.stop();
    });
    return pace;
}
