/* SPDX-License-Identifier: Apache-2.0
 *
 * Pre-checks: asking.  First the facts of all hosts at once; then, for what they leave open, each step's CPU, disks and
 * running migrations and each pair's way to each other, all at once.  See precheck.h; the judges are in
 * precheck-facts.c and precheck-storage.c. */
#include "migrate/precheck-private.h"

#include "base/error.h"

/* One question about one step, or about the pair of its hosts. */
typedef struct Question {
    Precheck *precheck;
    const PlanStep *step;
} Question;

HostCheck *precheck_host(const Precheck *precheck, const char *name)
{
    for (guint i = 0; i < precheck->hosts->len; i++) {
        HostCheck *host = g_ptr_array_index(precheck->hosts, i);

        if (g_str_equal(host->name, name)) {
            return host;
        }
    }
    return NULL;
}

const Vm *precheck_vm(const Precheck *precheck, const PlanStep *step)
{
    const HostCheck *source = precheck_host(precheck, step->source);
    const Vm *vm = source && source->facts ? host_facts_find_vm(source->facts, step->vm) : NULL;

    return vm && g_ascii_strcasecmp(vm->uuid, step->uuid) == 0 ? vm : NULL;
}

void precheck_add(Precheck *precheck, const char *vm, const char *host, char *what, char *cure)
{
    g_ptr_array_add(precheck->problems, plan_problem_new(vm, host, what, cure));
    g_free(what);
    g_free(cure);
}

static void host_check_free(gpointer data)
{
    HostCheck *host = data;

    host_facts_free(host->facts);
    g_free(host->error);
    g_free(host);
}

/* ---- the end ---- */

static void ask_peers(Precheck *precheck);

static void took_answer(Precheck *precheck)
{
    if (--precheck->waiting > 0) {
        return;
    }
    if (!precheck->has_asked_peers) {
        ask_peers(precheck);
        return;
    }
    precheck->done(precheck->problems, precheck->user);
    g_ptr_array_unref(precheck->hosts);
    g_free(precheck);
}

static Question *ask(Precheck *precheck, const PlanStep *step)
{
    Question *question = g_new0(Question, 1);

    *question = (Question){precheck, step};
    precheck->waiting++;
    return question;
}

static void answered(Question *question)
{
    Precheck *precheck = question->precheck;

    g_free(question);
    took_answer(precheck);
}

/* ---- second round: what facts do not tell ---- */

static void on_truth(const VmTruth *truth, const GError *error, gpointer user)
{
    Question *question = user;
    const PlanStep *step = question->step;

    if (error) {
        precheck_add(question->precheck, step->vm, step->source,
                     g_strdup_printf("could not be asked: %s", error->message), g_strdup("try again"));
    } else if (truth->is_migrating_out) {
        precheck_add(question->precheck, step->vm, step->source, g_strdup("is being migrated by somebody else"),
                     g_strdup("wait for that, or end it with virsh domjobabort"));
    }
    answered(question);
}

static void on_cpu(const GError *error, gpointer user)
{
    Question *question = user;
    const PlanStep *step = question->step;

    if (error) {
        precheck_add(question->precheck, step->vm, step->destination,
                     g_strdup_printf("cannot run the VM's CPU: %s", error->message),
                     g_strdup("choose a destination with the same CPU features, or give the VM an older CPU model"));
    }
    answered(question);
}

static void on_disks(const DiskSurvey *disks, guint length, const GError *error, gpointer user)
{
    Question *question = user;

    if (error) {
        precheck_add(question->precheck, question->step->vm, NULL,
                     g_strdup_printf("its disks could not be looked at: %s", error->message), g_strdup("try again"));
    } else {
        precheck_judge_disks(question->precheck, question->step, disks, length);
    }
    answered(question);
}

static void on_peer(const GError *error, gpointer user)
{
    Question *question = user;
    const PlanStep *step = question->step;

    if (error) {
        precheck_add(
            question->precheck, NULL, step->source,
            g_strdup_printf("its libvirtd does not reach %s: %s", step->destination, error->message),
            g_strdup("set peer_uri of the destination in the inventory, let the hosts trust each other, or use "
                     "--no-peer-to-peer"));
    }
    answered(question);
}

/* Whether both hosts of the step answer and it has something to ask about. */
static gboolean can_ask(const Precheck *precheck, const PlanStep *step)
{
    return precheck_vm(precheck, step) && precheck_host(precheck, step->destination)->facts &&
           !g_str_equal(step->source, step->destination);
}

/* Whether an earlier step has the same two hosts. */
static gboolean is_pair_asked(const Precheck *precheck, guint index)
{
    const PlanStep *step = plan_step_at(precheck->plan, index);

    for (guint i = 0; i < index; i++) {
        const PlanStep *earlier = plan_step_at(precheck->plan, i);

        if (g_str_equal(earlier->source, step->source) && g_str_equal(earlier->destination, step->destination)) {
            return TRUE;
        }
    }
    return FALSE;
}

static void ask_about(Precheck *precheck, guint index)
{
    const PlanStep *step = plan_step_at(precheck->plan, index);
    const Vm *vm = precheck_vm(precheck, step);
    Driver *driver = precheck->driver;

    if (!can_ask(precheck, step)) {
        return; /* a problem already */
    }
    driver->ask_truth(driver, step->source, step->uuid, on_truth, ask(precheck, step));
    if (vm->cpu_xml) {
        driver->check_cpu(driver, step->destination, vm->cpu_xml, vm->domain_type, on_cpu, ask(precheck, step));
    }
    storage_survey_begin(driver, step->source, step->destination, vm->disks, on_disks, ask(precheck, step));
}

static void ask_peers(Precheck *precheck)
{
    precheck->has_asked_peers = TRUE;
    precheck->waiting = 1; /* our own, so that no early answer ends it */
    for (guint i = 0; i < precheck->plan->steps->len && precheck->plan->options.peer_to_peer; i++) {
        const PlanStep *step = plan_step_at(precheck->plan, i);

        if (can_ask(precheck, step) && !is_pair_asked(precheck, i)) {
            precheck->driver->check_peer(precheck->driver, step->source, step->destination, on_peer,
                                         ask(precheck, step));
        }
    }
    took_answer(precheck);
}

/* ---- first round: facts ---- */

static void on_all_facts(Precheck *precheck)
{
    precheck_judge_facts(precheck);
    precheck->waiting = 1; /* our own, so that no early answer ends it */
    for (guint i = 0; i < precheck->plan->steps->len; i++) {
        ask_about(precheck, i);
    }
    took_answer(precheck);
}

typedef struct FactsQuestion {
    Precheck *precheck;
    HostCheck *host;
} FactsQuestion;

static void on_facts(HostFacts *facts, const GError *error, gpointer user)
{
    FactsQuestion *question = user;
    Precheck *precheck = question->precheck;

    question->host->facts = facts;
    question->host->error = g_strdup(error ? error->message : NULL);
    g_free(question);
    if (--precheck->waiting == 0) {
        on_all_facts(precheck);
    }
}

static void add_host(Precheck *precheck, GPtrArray *configs, const char *name)
{
    HostCheck *host;

    if (precheck_host(precheck, name)) {
        return;
    }
    host = g_new0(HostCheck, 1);
    host->name = name;
    for (guint i = 0; i < configs->len; i++) {
        const HostConfig *config = g_ptr_array_index(configs, i);

        host->config = g_str_equal(config->name, name) ? config : host->config;
    }
    g_ptr_array_add(precheck->hosts, host);
}

static void ask_facts(Precheck *precheck)
{
    precheck->waiting = precheck->hosts->len;
    for (guint i = 0; i < precheck->hosts->len; i++) {
        FactsQuestion *question = g_new0(FactsQuestion, 1);

        *question = (FactsQuestion){precheck, g_ptr_array_index(precheck->hosts, i)};
        precheck->driver->query_host(precheck->driver, question->host->name, on_facts, question);
    }
}

void precheck_plan(const Plan *plan, GPtrArray *hosts, double vcpus_per_cpu, Driver *driver, PrecheckFunc done,
                   gpointer user)
{
    Precheck *precheck = g_new0(Precheck, 1);

    precheck->plan = plan;
    precheck->driver = driver;
    precheck->vcpus_per_cpu = vcpus_per_cpu;
    precheck->hosts = g_ptr_array_new_with_free_func(host_check_free);
    precheck->problems = g_ptr_array_new_with_free_func((GDestroyNotify)plan_problem_free);
    precheck->done = done;
    precheck->user = user;
    for (guint i = 0; i < plan->steps->len; i++) {
        add_host(precheck, hosts, plan_step_at(plan, i)->source);
        add_host(precheck, hosts, plan_step_at(plan, i)->destination);
    }
    precheck->waiting = 1; /* our own, for a plan without steps */
    if (precheck->hosts->len > 0) {
        ask_facts(precheck);
    } else {
        took_answer(precheck);
    }
}
